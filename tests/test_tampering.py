"""A result that was altered afterwards: what was done to it is noticed and said, and mended."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tifffile

from kills import contents, facts, write_protocol
from stackmend import api
from stackmend.errors import ProtocolError, StackmendError
from stackmend.result import names
from stackmend.result.hashes import pixel_hash
from stackmend.result.inventory import hashes_of, record_hash
from stackmend.result.journal import _line, _read_line
from stops import write_small_stack

Tamper = Callable[[Path], Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack, a protocol with a search, and a finished result in ``sound``."""
    folder = tmp_path_factory.mktemp("tampering")
    write_small_stack(folder, 3)
    clean = [{"slice": 2, "region": {"y": [0, 4]}}]
    optimize = {"slices": [0], "validate": [1], "clean": clean, "max_changed": 1}
    write_protocol(folder, {"masks": True}, gf2_sigma={"sweep": [15, 30]}, optimize=optimize)
    api.run(folder / "protocol.yaml", output=folder / "out", workers=1)
    shutil.copytree(folder / "out", folder / "sound")
    return folder


@pytest.fixture
def out(place: Path) -> Iterator[Path]:
    """The result folder of the protocol, as the run has left it."""
    shutil.rmtree(place / "out", ignore_errors=True)
    shutil.copytree(place / "sound", place / "out")
    yield place / "out"
    shutil.rmtree(place / "out", ignore_errors=True)


def again(out: Path) -> str:
    """Run the same command; all that it says."""
    heard: list[str] = []
    listener = lambda kind, fields: heard.append(str(fields.get("message", "")))  # noqa: E731 - is short
    api.run(out.parent / "protocol.yaml", output=out, workers=1, listener=listener)
    return "\n".join(heard)


def test_a_page_is_made_of_what_can_be_read(out: Path) -> None:
    """Or it is said what is damaged; of nothing is there a traceback."""
    for name, content in (
        ("previews/previews.json", b"{}"),
        ("log.jsonl", b"\xff"),
        ("slices.csv", b""),
    ):
        (out / name).write_bytes(content)
        with suppress(StackmendError):
            api.report(out)
    for name in ("run.json", "losses.csv", "slices.csv", "previews/previews.json"):
        (out / name).write_bytes(b'"\xff')
        with pytest.raises(StackmendError):
            api.report(out)


def is_sound(out: Path) -> None:
    """All is as it was: pixels and tables; and there is nothing to do any more."""
    sound = out.parent / "sound"
    assert contents(out) == contents(sound)
    assert facts(out) == facts(sound)
    for name in ("losses.csv", "protocol.yaml"):
        assert (out / name).read_bytes() == (sound / name).read_bytes()
    assert "nothing to do: all 3 slices are what the record says" in again(out)
    assert not api.show(out).altered


def edit(name: str, old: str, new: str) -> Tamper:
    """Replace a text in a file; it must be there."""

    def tamper(out: Path) -> None:
        text = (out / name).read_text()
        changed = re.sub(old, new, text, count=1)
        assert changed != text
        (out / name).write_text(changed)

    return tamper


def write(name: str, content: bytes) -> Tamper:
    return lambda out: (out / name).write_bytes(content)


def gone(name: str) -> Tamper:
    def tamper(out: Path) -> None:
        shutil.rmtree(out / name) if (out / name).is_dir() else (out / name).unlink()

    return tamper


def retag(out: Path) -> None:
    """Other tags and pixel size, the same pixels."""
    file = out / "stack" / "s1.tif"
    pixels = tifffile.imread(file)
    how: dict[str, Any] = {"resolution": (7, 7), "description": "forged"}
    tifffile.imwrite(file, pixels, **how)


def brighten(out: Path) -> None:
    pixels = tifffile.memmap(out / "stack" / "s1.tif", mode="r+")
    pixels[3, 4] ^= 1
    pixels.flush()


def retouch(out: Path) -> None:
    """One more pixel marked, as by hand."""
    pixels = tifffile.memmap(out / "masks" / "s1.tif", mode="r+")
    assert pixels[1, 1] == 0
    pixels[1, 1] = 255
    pixels.flush()


def grey(out: Path) -> None:
    """A level that says neither."""
    pixels = tifffile.memmap(out / "masks" / "s1.tif", mode="r+")
    pixels[pixels == 255] = 254
    pixels.flush()


def swap(out: Path) -> None:
    first, second = out / "stack" / "s0.tif", out / "stack" / "s1.tif"
    first.rename(out / "x")
    second.rename(first)
    (out / "x").rename(second)


def entries(out: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Forge lines of the journal, checksums and all; what returns false is left out."""
    lines = []
    for line in (out / names.JOURNAL).read_text().splitlines():
        entry = _read_line(line)
        if change(entry) is not False:
            lines.append(_line(entry.pop("entry"), entry))
    (out / names.JOURNAL).write_text("".join(lines))


def forged(kind: str, **values: Any) -> Tamper:
    """Values in all entries of a kind, with checksums that fit; ``None`` takes one away."""

    def change(entry: dict[str, Any]) -> None:
        if entry["entry"] == kind:
            for name, value in values.items():
                entry[name] = value
                if value is None and name != "loss":
                    del entry[name]

    return lambda out: entries(out, change)


def forged_loss(out: Path) -> None:
    """The loss of what was not chosen, lowered so that it would be."""
    losses: list[dict[str, Any]] = []
    entries(out, lambda entry: losses.append(entry) if entry["entry"] == "loss" else None)
    worst = max((each for each in losses if len(each["values"]) == 1), key=lambda e: e["loss"])

    def lower(entry: dict[str, Any]) -> None:
        if entry.get("values") == worst["values"] and entry.get("search") == worst["search"]:
            entry["loss"] = 0.0001

    entries(out, lower)


def forged_slice(out: Path) -> None:
    """A slice and its entry together, and the record with hashes that fit: all but its pixels."""
    brighten(out)
    hash = pixel_hash(tifffile.imread(out / "stack" / "s1.tif"))
    entries(out, lambda e: e.update(output_hash=hash) if e.get("name") == "s1.tif" else None)


def record(**values: Any) -> Tamper:
    """Other values in run.json, and a hash of it that fits."""

    def tamper(out: Path) -> None:
        content = json.loads((out / names.RECORD).read_text()) | values
        content["hash"] = record_hash(content)
        (out / names.RECORD).write_text(json.dumps(content))

    return tamper


def with_record(tamper: Tamper) -> Tamper:
    """The same, and the record with hashes that fit."""

    def tampered(out: Path) -> None:
        tamper(out)
        record(files=hashes_of(out))(out)

    return tampered


JOURNAL = "the journal there is damaged, edited, or of an earlier version"
LOSSES = "losses in the journal are not what the slices give: all of them are computed again"
SLICES, LOSSES_CSV = "slices.csv has been edited", "losses.csv has been edited"
TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    # tables
    "slices.csv edited": (edit("slices.csv", "restored", "constant"), SLICES),
    "slices.csv gone": (gone("slices.csv"), "slices.csv is gone"),
    "slices.csv no text": (write("slices.csv", b"\xff\xfe"), SLICES),
    "slices.csv lacks columns": (write("slices.csv", b"a,b\r\n1,2\r\n"), "slices.csv has been"),
    "slices.csv empty": (write("slices.csv", b""), SLICES),
    "slices.csv one cell": (
        write("slices.csv", b'"' + b"x" * 200000),
        SLICES,
    ),
    "losses.csv edited": (edit("losses.csv", "ok", "no"), LOSSES_CSV),
    "losses.csv gone": (gone("losses.csv"), "losses.csv is gone"),
    "losses.csv no text": (write("losses.csv", b"\xff\xff"), LOSSES_CSV),
    "losses.csv lacks columns": (write("losses.csv", b"z\r\n1\r\n"), LOSSES_CSV),
    # the record; that of an earlier version had no hashes, which only a run has to know
    "run.json a value": (edit("run.json", '"workers": 1', '"workers": 9'), "run.json has been"),
    "run.json a warning": (edit("run.json", '"warnings": \\[', '"warnings": ["x", '), "run.json"),
    "run.json a hash": (edit("run.json", '"pixel_hash": "..', '"pixel_hash": "zz'), "run.json has"),
    "run.json its own hash": (edit("run.json", '"hash": "..', '"hash": "zz'), "run.json has been"),
    "run.json without hash": (
        edit("run.json", '"hash": ".*"', '"hash": ""'),
        "has no hashes",
    ),
    "run.json without files": (record(files={}), "stack is not in its record"),
    "run.json only a number": (write("run.json", b'{"record": 1}'), "run.json"),
    "run.json brackets": (write("run.json", b"[" * 100000), "run.json"),
    "run.json no JSON": (write("run.json", b"\xff{"), "run.json"),
    "run.json a list": (write("run.json", b"[]"), "run.json"),
    # what lies beside
    "log gone": (gone("log.jsonl"), "log.jsonl is gone"),
    "log edited": (edit("log.jsonl", "started", "ended"), "log.jsonl has been edited"),
    "log garbage": (write("log.jsonl", b"\xff" * 99), "log.jsonl has been edited"),
    "protocol edited": (edit("protocol.yaml", "30", "31"), "protocol.yaml has been edited"),
    "protocol gone": (gone("protocol.yaml"), "protocol.yaml is gone"),
    "previews gone": (gone("previews"), "previews is gone"),
    "previews garbage": (write("previews/previews.json", b"[" * 100000), "previews has been"),
    "a preview replaced": (write("previews/previews.json", b"{}"), "previews has been edited"),
    "a preview more": (write("previews/more.webp", b"x"), "previews has been edited"),
    "animation gone": (gone("losses.webp"), "losses.webp is gone"),
    "animation replaced": (write("losses.webp", b"x"), "losses.webp has been edited"),
    # the stack
    "a grey level": (brighten, "1 slice will be computed again"),
    "slices swapped": (swap, "2 slices will be computed again"),
    "a slice gone": (gone("stack/s2.tif"), "1 slice will be computed again"),
    "a slice cut off": (write("stack/s2.tif", b"II*\0"), "1 slice will be computed again"),
    "tags rewritten": (retag, "stack has been edited"),
    "a slice more": (write("stack/s2_c7.tif", b"II*\0"), "stack has been edited"),
    # the masks
    "a mask edited": (retouch, "1 slice will be computed again"),
    "a mask of other levels": (grey, "1 slice will be computed again"),
    "a mask gone": (gone("masks/s2.tif"), "1 slice will be computed again"),
    "all masks gone": (gone("masks"), "3 slices will be computed again"),
    "a mask more": (write("masks/s2_c7.tif", b"II*\0"), "masks has been edited"),
    # the journal
    "journal gone": (gone("journal.jsonl"), ""),
    "an area flipped": (edit("journal.jsonl", '"mask_area": ', '"mask_area": 9'), JOURNAL),
    "a loss flipped": (edit("journal.jsonl", '"loss": ', '"loss": 9'), "journal.jsonl has been"),
    "facts forged": (forged("slice", mask_area=999999, name="other"), JOURNAL),
    "a loss forged": (forged_loss, JOURNAL),
    "a loss forged, record and all": (with_record(forged_loss), LOSSES),
    "all losses forged": (with_record(forged("loss", loss=0.25)), LOSSES),
    "a slice forged": (forged_slice, JOURNAL),
    "a loss that is none": (forged("loss", loss="nan"), "journal.jsonl has been edited"),
    "a loss without value": (forged("loss", loss=None), "journal.jsonl has been edited"),
    "work without layout": (forged("work", layout={}), JOURNAL),
    "work of another kind": (forged("work", pixels=7), JOURNAL),
    "work without pixels": (forged("work", pixels=None), JOURNAL),
    "slices without hashes": (forged("slice", input_hash=None), ""),
    "slices without numbers": (forged("slice", slice=None), JOURNAL),
    "slices of no status": (forged("slice", status=[]), JOURNAL),
    "looks of nothing": (lambda out: entries(out, lambda e: e.update(entry="look")), ""),
    "journal brackets": (write("journal.jsonl", b"[" * 100000), JOURNAL),
    "journal of an earlier version": (
        lambda out: (out / "journal.jsonl").write_text(
            re.sub(', "check": ".*"', "", (out / "journal.jsonl").read_text())
        ),
        JOURNAL,
    ),
}


UNSEEN = {"run.json without hash", "a loss forged, record and all", "all losses forged"} | {
    *("a grey level", "slices swapped", "a slice gone", "a slice cut off"),
    *("tags rewritten", "a slice more", "a mask edited", "a mask of other levels", "a mask gone"),
    *("all masks gone", "a mask more"),
}
"""What is not noticed where only the record and what lies beside the stack is looked at."""


SLOW = [name for place, name in enumerate(TAMPERINGS) if place % 3]
"""Two of three take their time with the slow tests."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in TAMPERINGS],
)
def test_what_is_altered_is_noticed_and_mended(
    out: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper, said = TAMPERINGS[name]
    if "preview" not in name and "animation" not in name:  # the others are mended without pictures
        monkeypatch.setattr("stackmend.runner.stories.collect", lambda *_: None)
        monkeypatch.setattr("stackmend.runner.write_report", lambda _: None)
    tamper(out)
    with suppress(StackmendError):
        assert api.show(out).altered or name in UNSEEN
    heard = again(out)
    assert said in heard
    assert "nothing to do" not in heard
    is_sound(out)


def test_an_image_that_no_run_has_written_is_not_deleted(out: Path) -> None:
    mine = out / "stack" / "mine.tif"
    mine.write_bytes(b"II*\0")
    with pytest.raises(ProtocolError) as caught:
        again(out)
    (problem,) = caught.value.problems
    assert f"{mine} would be deleted" in str(problem)
    mine.unlink()
    assert "nothing to do" in again(out)
