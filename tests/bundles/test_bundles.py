"""A protocol given to others: bundles made, proved and run; hostile ones refused."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

from commands import Main
from drifting import write_chain, write_drifted
from stackmend import api
from stackmend.bundles import open_archive, read_bundle
from stackmend.bundles.content import hashes
from stackmend.errors import InputError, OutputError, UsageError
from stackmend.result.inventory import record_hash

PROTOCOL = """
# the best for dark blobs
protocol: 1
name: dark blobs
input: {phantom: {slices: 5, height: 120, width: 160}, pixel_size: 5}
output: {path: result}
chain:
  - step: standardize        # one scale a slice
  - step: find_charging
    inverse: true
    gf1_sigma: {sweep: [60 nm, 8]}
    min_area: 20
  - step: correct_charging
    gf2_sigma: 8
    gf3_sigma: 3
  - step: destandardize
optimize: {slices: [2]}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a protocol, its run and a bundle; not to be written to."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "p.yaml").write_text(PROTOCOL, encoding="utf-8")
    api.run(folder / "p.yaml", workers=1)
    made = api.bundle(
        folder / "p.yaml",
        folder / "result",
        output=folder / "b.zip",
        license="CC0",
        author="A. Person",
        size=96,
    )
    assert made == folder / "b.zip"
    return folder


def test_it_holds_what_others_need(lab: Path) -> None:
    bundle = read_bundle(lab / "b.zip")
    assert bundle.name == "dark blobs"
    assert bundle.said["license"] == "CC0"
    assert bundle.said["author"] == "A. Person"
    assert bundle.steps["find_charging"] >= 1
    assert "numpy" in bundle.needs
    data = yaml.safe_load(bundle.protocol)
    chosen = data["chain"][1]["gf1_sigma"]
    assert chosen in ("60 nm", 8)
    assert "the best for dark blobs" in bundle.protocol
    assert "sweep" in bundle.searched
    assert data["envelope"]["dtype"] == "uint8"
    for text in (bundle.protocol, bundle.searched):  # nothing of where it lies in this lab
        assert "phantom" not in text
        assert "path" not in text
    assert len(bundle.test.input) == 1


def test_nothing_in_it_tells_of_the_machine(lab: Path) -> None:
    for name, content in open_archive(lab / "b.zip").items():
        assert str(lab).encode() not in content, name
        assert b"stackmend-" not in content or name.endswith((".json", ".yaml")), name
        assert os.fsencode(Path.home()) not in content, name


def test_the_test_is_passed_here_and_by_name(
    lab: Path, tmp_path: Path, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = api.prove(lab / "b.zip")
    assert proof.verification.outcome == "identical"
    assert list(proof.notes) == []
    assert main("try", lab / "b.zip") == 0
    assert "b.zip: identical (1 slice restored here)" in capsys.readouterr().out


def test_it_runs_like_the_frozen_protocol(lab: Path, tmp_path: Path) -> None:
    frozen = tmp_path / "frozen.yaml"
    api.freeze(lab / "result", output=frozen)
    stack = lab / "result" / "truth"
    by_hand = api.run(frozen, input=stack, output=tmp_path / "a", set={"input.pixel_size": "5"})
    by_bundle = api.run(lab / "b.zip", input=stack, output=tmp_path / "b")
    hashes = [each.record["output"]["pixel_hash"] for each in (by_hand, by_bundle)]
    assert hashes[0] == hashes[1]


def test_a_bundle_of_a_synthetic_stack_has_no_data(lab: Path, tmp_path: Path) -> None:
    made = api.bundle(lab / "p.yaml", lab / "result", output=tmp_path / "b.zip", phantom=True)
    assert read_bundle(made).said["test"]["of"] == "a synthetic stack"
    assert api.prove(made).verification.outcome == "identical"


def test_what_cannot_be_bundled(lab: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is such a file already"):
        api.bundle(lab / "p.yaml", lab / "result", output=lab / "b.zip")
    other = tmp_path / "other.yaml"
    other.write_text(PROTOCOL.replace("min_area: 20", "min_area: 21"), encoding="utf-8")
    with pytest.raises(UsageError, match="is not the protocol of that run"):
        api.bundle(other, lab / "result", output=tmp_path / "b.zip")
    frozen = tmp_path / "frozen.yaml"
    api.freeze(lab / "result", output=frozen)
    assert api.bundle(frozen, lab / "result", output=tmp_path / "c.zip").exists()


def test_what_only_our_stack_is_like_is_not_in_it(lab: Path, tmp_path: Path) -> None:
    """Its channel, the order of its rows, its data bar: others have another stack."""
    stack = np.stack([tifffile.imread(each) for each in sorted((lab / "result/truth").iterdir())])
    both = np.stack([255 - stack, stack], axis=1)
    tifffile.imwrite(tmp_path / "c.tif", both, imagej=True, metadata={"axes": "ZCYX"})
    ours = "input: {path: c.tif, channel: 1, flip: y, data_bar: 24, pixel_size: 5}"
    text = PROTOCOL.replace(PROTOCOL.split("\n")[4], ours).replace("[2]}", "[2], channel: 1}")
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    given = {"find_charging.color_shift": "0.02"}
    run = api.run(tmp_path / "p.yaml", set=given, workers=1)
    made = api.bundle(tmp_path / "p.yaml", run.folder, output=tmp_path / "b.zip", size=96)
    bundle = read_bundle(made)
    for text in (bundle.protocol, bundle.searched):
        assert "input" not in yaml.safe_load(text)
    assert "channel" not in yaml.safe_load(bundle.searched)["optimize"]
    assert api.prove(made).verification.outcome == "identical"


def rewritten(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A bundle with other files in it, everything else as it was."""
    files = open_archive(source)
    change(files)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def damaged(name: str, how: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files[name] = how(files[name])

    return change


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


NAMES = (
    "protocol.yaml",
    "searched.yaml",
    "protocol.schema.json",
    "CITATION.bib",
    "LICENSE.txt",
    "test/input/0000.tif",
    "test/expected/run.json",
    "test/expected/slices.csv",
    "test/expected/stack/0000.tif",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "how", [flip, lambda content: content[:-3], lambda content: content + b"\n"]
)
def test_whatever_is_altered_is_named(
    lab: Path, tmp_path: Path, name: str, how: Callable[[bytes], bytes]
) -> None:
    other = rewritten(lab / "b.zip", tmp_path / "b.zip", damaged(name, how))
    with pytest.raises(InputError, match=name):
        read_bundle(other)


def test_pixels_that_are_expected_otherwise_are_different(
    lab: Path, tmp_path: Path, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody has made all hashes of the bundle anew: the record in it still tells."""

    def change(files: dict[str, bytes]) -> None:
        name = "test/input/0000.tif"
        pixels = tifffile.imread(io.BytesIO(files[name]))
        pixels[40:60, 40:60] = 255 - pixels[40:60, 40:60]
        content = io.BytesIO()
        tifffile.imwrite(content, pixels)
        files[name] = content.getvalue()

    other = rewritten(lab / "b.zip", tmp_path / "b.zip", sealed(change))
    assert main("try", other) == 7
    assert "different" in capsys.readouterr().out


def sealed(change: Callable[[dict[str, bytes]], object]) -> Callable[[dict[str, bytes]], None]:
    """The same change, with all hashes of the bundle made anew."""

    def changed(files: dict[str, bytes]) -> None:
        change(files)
        said = json.loads(files["bundle.json"])
        rest = {name: content for name, content in files.items() if name != "bundle.json"}
        files["bundle.json"] = json.dumps({**said, "files": hashes(rest)}).encode()

    return changed


def edited(name: str, old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        assert old.encode() in files[name]
        files[name] = files[name].replace(old.encode(), new.encode())

    return change


def swapped(one: str, other: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files[one], files[other] = files[other], files[one]

    return change


def recorded(path: str, value: Any) -> Callable[[dict[str, bytes]], None]:
    """Another value in the expected record, whose own hash fits."""

    def change(files: dict[str, bytes]) -> None:
        record = place = json.loads(files["test/expected/run.json"])
        *parents, last = path.split(".")
        for each in parents:
            place = place[int(each)] if isinstance(place, list) else place[each]
        place[last] = value
        record["hash"] = record_hash(record)
        files["test/expected/run.json"] = json.dumps(record).encode()

    return change


@pytest.fixture(scope="module")
def with_neighbours(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose test has three slices, since a step of it looks at those beside."""
    folder = tmp_path_factory.mktemp("neighbours")
    text = PROTOCOL.replace("chain:", "chain:\n  - step: median_z")
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    run = api.run(folder / "p.yaml", workers=1)
    made = api.bundle(folder / "p.yaml", run.folder, output=folder / "b.zip", size=64)
    assert len(read_bundle(made).test.input) == 3
    assert api.prove(made).verification.outcome == "identical"
    return made


STACK = "test/expected/stack"
FORGED: dict[str, tuple[Callable[[dict[str, bytes]], object], str]] = {
    "slices swapped": (swapped("test/input/0000.tif", "test/input/0002.tif"), "different"),
    "expected slices swapped": (swapped(f"{STACK}/0000.tif", f"{STACK}/0001.tif"), "swapped with"),
    "a value": (edited("protocol.yaml", "gf2_sigma: 8", "gf2_sigma: 9"), "another chain"),
    "no pixel": (edited("protocol.yaml", "min_area: 20", "min_area: 19"), "another chain"),
    "a step": (edited("protocol.yaml", "  - step: median_z\n", ""), "another chain"),
    "envelope": (edited("protocol.yaml", "dtype: uint8", "dtype: uint16"), "another envelope"),
    "hash of pixels": (recorded("output.pixel_hash", "0" * 64), "output.pixel_hash is"),
    "hash of the input": (recorded("input.pixel_hash", "0" * 64), "input.pixel_hash is"),
    "chosen value": (recorded("chain.2.parameters.gf1_sigma.value", 9), "gf1_sigma is 9"),
    "table": (edited("test/expected/slices.csv", "restored", "constant"), "slices.csv"),
    "journal": (edited("test/expected/journal.jsonl", "restored", "constant"), "journal.jsonl"),
    "protocol of the test": (lambda files: files.pop("test/expected/protocol.yaml"), "is gone"),
    "an expected slice": (lambda files: files.pop(f"{STACK}/0002.tif"), "slice 2"),
    "record": (lambda files: files.pop("test/expected/run.json"), "has no test"),
}


@pytest.mark.parametrize(("change", "said"), FORGED.values(), ids=FORGED.keys())
def test_what_does_not_belong_together_is_caught_with_hashes_that_fit(
    with_neighbours: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], said: str
) -> None:
    other = rewritten(with_neighbours, tmp_path / "b.zip", sealed(change))
    read_bundle(other)
    try:
        found = str(api.prove(other).verification.outcome)
    except (InputError, UsageError) as error:
        found = str(error)
        assert found.startswith(str(other))
    assert said in found


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, data in entries:
            archive.writestr(name, data, compresslevel=1)
    return content.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def encrypted(content: bytes) -> bytes:
    """The same, with the mark that its first file is encrypted."""
    at = content.index(b"PK\x01\x02")
    return content[: at + 8] + b"\x01\x00" + content[at + 10 :]


def with_count(content: bytes, count: int) -> bytes:
    """The same, with another number of entries at its end."""
    at = content.rindex(b"PK\x05\x06")
    return content[: at + 8] + struct.pack("<HH", count, count) + content[at + 12 :]


BASE = (("bundle.json", b"{}"), ("protocol.yaml", b"protocol: 1"))


def slices(count: int, content: bytes) -> list[tuple[str, bytes]]:
    return [(f"test/input/{number:04}.tif", content) for number in range(count)]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "traversal": lambda: zipped(*BASE, ("../../evil.yaml", b"x")),
    "absolute": lambda: zipped(*BASE, ("/etc/evil", b"x")),
    "of windows": lambda: zipped(*BASE, ("..\\evil", b"x")),
    "drive": lambda: zipped(*BASE, ("C:/evil", b"x")),
    "link": lambda: zipped(*BASE, (link("README.txt"), b"/etc/passwd")),
    "code": lambda: zipped(*BASE, ("evil.py", b"import os")),
    "pickle": lambda: zipped(*BASE, ("test/expected/model.pkl", b"\x80\x04.")),
    "folder": lambda: zipped(*BASE, ("test/input/", b"")),
    "nested": lambda: zipped(*BASE, ("test/input/0000.zip", zipped(*BASE))),
    "twice": lambda: zipped(*BASE, ("README.txt", b"a"), ("README.txt", b"b")),
    "bomb": lambda: zipped(*BASE, ("README.txt", bytes(40 * 1024**2))),
    "bomb of a slice": lambda: zipped(*BASE, *slices(1, bytes(65 * 1024**2))),
    "many": lambda: zipped(*BASE, *slices(200, b"")),
    "million": lambda: with_count(zipped(*BASE), 0xFFFF),
    "fewer than there are": lambda: with_count(zipped(*BASE, *slices(2000, b"")), 3),
    "encrypted": lambda: encrypted(zipped(*BASE)),
    "without a protocol": lambda: zipped(("bundle.json", b"{}")),
    "no json": lambda: zipped(("bundle.json", b"[" * 100000), ("protocol.yaml", b"")),
    "not utf-8": lambda: zipped(("bundle.json", b"\xff\xfe{}"), ("protocol.yaml", b"")),
    "another format": lambda: zipped(("bundle.json", b'{"bundle": 99}'), BASE[1]),
    "cut": lambda: zipped(*BASE)[:-30],
    "empty": lambda: b"PK\x05\x06" + bytes(18),
    "only a beginning": lambda: b"PK\x03\x04" + bytes(10),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bundles_are_refused_and_nothing_is_written(
    tmp_path: Path, main: Main, capsys: pytest.CaptureFixture[str], make: Callable[[], bytes]
) -> None:
    file = tmp_path / "b.zip"
    file.write_bytes(make())
    for command in (["try", file], ["run", file, "--input", "x", "--output", "y"], ["check", file]):
        assert main(*command) == 4
        said = capsys.readouterr().err
        assert said.startswith("stackmend: ")
        assert "b.zip" in said
    assert [each.name for each in tmp_path.iterdir()] == ["b.zip"]


def test_tags_in_a_protocol_of_a_bundle_are_refused(lab: Path, tmp_path: Path, main: Main) -> None:
    def change(files: dict[str, bytes]) -> None:
        files["protocol.yaml"] = b"!!python/object/apply:os.system ['touch evil']\n"

    other = rewritten(lab / "b.zip", tmp_path / "b.zip", sealed(change))
    assert main("check", other) == 3
    assert not (tmp_path / "evil").exists()


def test_a_step_that_is_missing_is_named_with_its_package(lab: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        said = json.loads(files["bundle.json"])
        said["steps"]["remove_dust"] = 1
        said["needs"]["stackmend-dust"] = "2.0"
        files["bundle.json"] = json.dumps(said).encode()

    other = rewritten(lab / "b.zip", tmp_path / "b.zip", change)
    with pytest.raises(UsageError, match=r"remove_dust.*stackmend-dust"):
        api.prove(other)


def test_another_version_of_a_step_is_said(lab: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        said = json.loads(files["bundle.json"])
        said["steps"]["find_charging"] = 99
        said["needs"]["numpy"] = "1.0"
        files["bundle.json"] = json.dumps(said).encode()

    other = rewritten(lab / "b.zip", tmp_path / "b.zip", change)
    notes: list[Any] = list(api.prove(other).notes)
    assert any("find_charging has version" in note for note in notes)
    assert any("numpy" in note and "1.0 where" in note for note in notes)


def test_a_bundle_is_the_same_for_the_same_run(lab: Path, tmp_path: Path) -> None:
    again = api.bundle(lab / "p.yaml", lab / "result", output=tmp_path / "b.zip", size=96)
    files = [open_archive(each) for each in (lab / "b.zip", again)]
    for name in (
        "protocol.yaml",
        "searched.yaml",
        "test/input/0000.tif",
        "test/expected/stack/0000.tif",
    ):
        assert files[0][name] == files[1][name], name
    assert np.array_equal(sorted(files[0]), sorted(files[1]))


def test_a_record_beside_a_protocol_knows_the_package_of_a_missing_step(
    lab: Path, tmp_path: Path
) -> None:
    file = tmp_path / "protocol.yaml"
    file.write_text("protocol: 1\nchain: [{step: remove_dust}, {step: median_z}]\n")
    record = json.loads((lab / "result" / "run.json").read_text(encoding="utf-8"))
    [problem] = api.check(file).draft.problems
    assert "it came from" not in problem.message
    record["chain"][0] |= {"step": "remove_dust", "package": "stackmend-dust 2.1"}
    (tmp_path / "run.json").write_text(json.dumps(record), encoding="utf-8")
    [problem] = api.check(file).draft.problems
    assert "it came from stackmend-dust, run: pip install stackmend-dust==2.1" in problem.message


def test_what_is_no_bundle_is_called_so(lab: Path) -> None:
    with pytest.raises(InputError, match=r"p\.yaml: is no bundle; give a file that stackmend"):
        read_bundle(lab / "p.yaml")


def test_it_carries_the_files_that_steps_read(tmp_path: Path) -> None:
    write_drifted(tmp_path)
    api.run(write_chain(tmp_path, {"step": "align"}, name="found"), workers=1)
    load = {"step": "align", "load": "of_found/transforms.csv"}
    file = write_chain(tmp_path, load, name="loaded")
    run = api.run(file, workers=1)
    api.bundle(file, run.folder, output=tmp_path / "b.zip")
    assert api.prove(tmp_path / "b.zip").verification.outcome == "identical"
    far = tmp_path / "far"
    far.mkdir()
    (tmp_path / "b.zip").rename(far / "b.zip")
    (run.folder.parent / "of_found").rename(tmp_path / "gone")
    other = api.run(far / "b.zip", input=tmp_path / "cell.tif", output=far / "out", workers=1)
    assert run.record is not None
    assert other.record is not None
    assert other.record["output"]["pixel_hash"] == run.record["output"]["pixel_hash"]
