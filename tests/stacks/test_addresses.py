"""Stacks at addresses: a server on this machine, one that fails, and no passwords."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from stackmend import addresses, api
from stackmend.addresses import Address, as_path
from stackmend.errors import InputError, NotReached, ProtocolError
from stackmend.stacks import Layout, Slice, new_stack, open_stack

TRUTH = np.random.default_rng(6).integers(0, 65536, (5, 12, 17)).astype(np.uint16)
for name in ("fsspec", "aiohttp"):
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed", allow_module_level=True)


class Handler(SimpleHTTPRequestHandler):
    """Fails ``failures`` times, with ``status``, for paths that end with ``failing``."""

    failures, failing, status = 0, "", 503
    cut = False

    def log_message(self, *what: Any) -> None:
        """Nothing is said."""

    def do_GET(self) -> None:
        cls = type(self)
        if cls.failures and self.path.endswith(cls.failing):
            cls.failures -= 1
            if not cls.cut:
                self.send_error(cls.status)
                return
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"only this")
            self.close_connection = True
            return
        super().do_GET()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(addresses, "_WAITS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(Handler, "failures", 0)
    folder = tmp_path / "served"
    folder.mkdir()
    serving = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    serving.server_close()


def put(folder: Path, kind: str) -> str:
    """A stack in a folder that is served; returns its name there."""
    if kind == "slices" or kind == "png":
        (folder / kind).mkdir()
        for index, image in enumerate(TRUTH):
            if kind == "png":
                Image.fromarray(image).save(folder / kind / f"s{index}.png")
            else:
                tifffile.imwrite(folder / kind / f"s{index}.tif", image)
        return kind
    if kind == "tiff":
        tifffile.imwrite(folder / "a.tif", TRUTH, photometric="minisblack", compression="zlib")
        return "a.tif"
    pytest.importorskip("zarr")
    names = tuple(f"s{index}.tif" for index in range(5))
    writer = new_stack(kind, folder, Layout(TRUTH.shape, TRUTH.dtype, names))
    writer.create()
    for index, image in enumerate(TRUTH):
        writer.write(index, Slice(image))
    writer.finish()
    return writer.path.name


@pytest.mark.parametrize("kind", ["slices", "png", "tiff", "ome-zarr", "ome-zarr-0.4"])
def test_the_same_pixels_as_on_disk(tmp_path: Path, server: str, kind: str) -> None:
    name = put(tmp_path / "served", kind)
    (local,) = open_stack(tmp_path / "served" / name)
    (reader,) = pickle.loads(pickle.dumps(open_stack(as_path(f"{server}/{name}"))))
    assert (reader.label, reader.shape, reader.names) == (local.label, TRUTH.shape, local.names)
    assert np.array_equal([reader.read(index) for index in range(5)], TRUTH)


def test_what_cannot_be_listed_is_said(tmp_path: Path, server: str) -> None:
    name = put(tmp_path / "served", "ome-zarr")
    (reader,) = open_stack(as_path(f"{server}/{name}"))
    assert reader.notes[0].startswith("stack.zarr: files at this address cannot be listed")


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(("failures", "works"), [(2, True), (100, False)])
def test_a_network_that_fails(
    tmp_path: Path,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    failures: int,
    works: bool,
    cut: bool,
) -> None:
    name = put(tmp_path / "served", "slices")
    (reader,) = open_stack(as_path(f"{server}/{name}"), tolerant=True)
    for what, value in (("failures", failures), ("failing", "s3.tif"), ("cut", cut)):
        monkeypatch.setattr(Handler, what, value)
    if works:
        assert np.array_equal(reader.read(3), TRUTH[3])
        return
    with pytest.raises(InputError, match=r"s3.tif: cannot be read .*; check the address") as caught:
        reader.read(3)
    assert isinstance(caught.value, NotReached)  # which no run passes over


@pytest.mark.parametrize("kind", ["ome-zarr", "png"])
def test_a_network_that_fails_is_no_blank(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (reader,) = open_stack(as_path(f"{server}/{put(tmp_path / 'served', kind)}"), tolerant=True)
    monkeypatch.setattr(Handler, "failures", 100)
    with pytest.raises(InputError, match="cannot be read") as caught:
        reader.read(3)
    assert isinstance(caught.value, NotReached)


@pytest.mark.parametrize("status", [401, 403])
def test_what_is_refused_is_asked_once(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    (reader,) = open_stack(as_path(f"{server}/{put(tmp_path / 'served', 'slices')}"))
    monkeypatch.setattr(Handler, "failures", 1)
    monkeypatch.setattr(Handler, "status", status)
    with pytest.raises(InputError, match="check who may read it"):
        reader.read(0)


def test_what_is_not_there(server: str) -> None:
    with pytest.raises(InputError, match=r"there is no such file or folder; check input.path"):
        open_stack(as_path(f"{server}/nothing.tif"))


def test_no_password_is_said_or_written(tmp_path: Path, server: str) -> None:
    name = put(tmp_path / "served", "slices")
    secret = server.replace("//", "//somebody:secret@")
    path = as_path(f"{secret}/{name}")
    assert isinstance(path, Address)
    for text in (str(path), repr(path), str(path / "a"), path.as_posix()):
        assert "secret" not in text
    assert pickle.loads(pickle.dumps(path)).url == f"{secret}/{name}"
    file = tmp_path / "a.yaml"
    chain = "chain: [{step: standardize}, {step: destandardize}]"
    file.write_text(f"protocol: 1\n{chain}\n")
    result = api.run(file, input=f"{secret}/{name}", output=tmp_path / "out", workers=1)
    assert result.record["input"]["path"] == f"{server}/{name}"
    for written in (tmp_path / "out").rglob("*"):
        assert not written.is_file() or b"secret" not in written.read_bytes(), written
    file.write_text(f"protocol: 1\ninput: {{path: '{secret}/{name}'}}\n{chain}\n")
    with pytest.raises(ProtocolError, match="has a password in it, which every copy"):
        api.run(file, output=tmp_path / "other")


def test_check_plan_and_init_take_addresses(tmp_path: Path, server: str) -> None:
    address = f"{server}/{put(tmp_path / 'served', 'slices')}"
    file = tmp_path / "a.yaml"
    file.write_text(api.init(address, folder=tmp_path))
    assert f'"{address}"' in file.read_text()
    found = api.check(file, output=tmp_path / "out")
    assert found.input_error is None
    assert found.readers[0].shape == TRUTH.shape
    assert api.plan(file, output=tmp_path / "out", workers=1)


def test_addresses_with_a_query(server: str) -> None:
    with pytest.raises(InputError, match=r"a.tif\?\.\.\.: has a query") as caught:
        open_stack(as_path(f"{server}/a.tif?token=secret"))
    assert "secret" not in str(caught.value)


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError("no", name=name)

    addresses._system.cache_clear()
    monkeypatch.setattr(addresses, "import_module", missing)
    with pytest.raises(InputError, match=r"fsspec.*; run: pip install 'stackmend\[remote\]'"):
        open_stack(as_path("http://127.0.0.1:9/a.tif"))
