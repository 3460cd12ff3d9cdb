"""Ways to tamper with a small result, each with what must be named of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations, permutations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile

from stackmend.result.inventory import record_hash
from stackmend.result.journal import _line, _read_line

SLICES = range(4)


class Tampering(NamedTuple):
    """What is done to a result folder, and what the findings must name; ``mild`` if no pixel is."""

    do: Callable[[Path], Any]
    named: str
    mild: bool = False


def flip(name: str, place: float, out: Path) -> None:
    """Another byte, at a share of the file."""
    content = bytearray((out / name).read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    (out / name).write_bytes(content)


def cut(name: str, share: float, out: Path) -> None:
    content = (out / name).read_bytes()
    (out / name).write_bytes(content[: int(share * len(content))])


def add(name: str, content: bytes, out: Path) -> None:
    with (out / name).open("ab") as file:
        file.write(content)


def gone(name: str, out: Path) -> None:
    part = out / name
    shutil.rmtree(part) if part.is_dir() else part.unlink()


def swap(one: str, other: str, out: Path) -> None:
    (out / one).rename(out / "held")
    (out / other).rename(out / one)
    (out / "held").rename(out / other)


def rename(old: str, new: str, out: Path) -> None:
    (out / old).rename(out / new)


def copy(old: str, new: str, out: Path) -> None:
    shutil.copyfile(out / old, out / new)


def link(name: str, out: Path) -> None:
    """A link to the same content elsewhere."""
    held = out.parent / f"held {Path(name).name}"
    shutil.copyfile(out / name, held)
    (out / name).unlink()
    (out / name).symlink_to(held)


def pixels(name: str, change: Callable[[Any], Any], out: Path) -> None:
    tifffile.imwrite(out / name, change(tifffile.imread(out / name)))


def one_level(y: int, x: int, image: Any) -> Any:
    image[y, x] ^= 1
    return image


def again(name: str, out: Path, **how: Any) -> None:
    """The same pixels in another file."""
    tifffile.imwrite(out / name, tifffile.imread(out / name), **how)


def cell(name: str, line: int, column: str, value: str, out: Path) -> None:
    lines = (out / name).read_bytes().decode().split("\r\n")
    cells = lines[line].split(",")
    cells[lines[0].split(",").index(column)] = value
    lines[line] = ",".join(cells)
    (out / name).write_bytes("\r\n".join(lines).encode())


def lines(name: str, change: Callable[[list[str]], list[str]], out: Path) -> None:
    (out / name).write_text("\n".join(change((out / name).read_text().split("\n"))))


def record(path: str, value: Any, out: Path, *, sealed: bool = False) -> None:
    """Another value in the record, also with a hash of it that fits."""
    content = json.loads((out / "run.json").read_text())
    *parents, name = path.split(".")
    place = content
    for each in parents:
        place = place[int(each)] if isinstance(place, list) else place[each]
    place[name] = value
    if sealed:
        content["hash"] = record_hash(content)
    (out / "run.json").write_text(json.dumps(content))


def entry(kind: str, name: str, value: Any, out: Path) -> None:
    """Another value in the first entry of a kind of the journal, with a checksum that fits."""
    entries = [_read_line(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    next(each for each in entries if each["entry"] == kind)[name] = value
    text = "".join(_line(each.pop("entry"), each) for each in entries)
    (out / "journal.jsonl").write_text(text)


def of_slices() -> Iterator[tuple[str, Tampering]]:
    """Slices flipped, cut, swapped, renamed, doubled, lost."""
    for number in SLICES:
        file, named = f"stack/s{number}.tif", f"slice {number}"
        turn = partial(one_level, 3, 5)
        yield f"{file} a grey level", Tampering(partial(pixels, file, turn), named)
        yield f"{file} turned", Tampering(partial(pixels, file, np.flipud), named)
        yield f"{file} brighter", Tampering(partial(pixels, file, lambda image: image + 3), named)
        yield f"{file} byte of pixels", Tampering(partial(flip, file, 1.0), named)
        yield f"{file} cut off", Tampering(partial(cut, file, 0.5), named)
        yield f"{file} empty", Tampering(partial(cut, file, 0), named)
        yield f"{file} gone", Tampering(partial(gone, file), f"{named} is gone")
        wider = partial(pixels, file, lambda image: image.astype(np.uint16))
        yield f"{file} wider", Tampering(wider, "uint16, in the record")
        less = partial(pixels, file, lambda image: image[:-1])
        yield f"{file} smaller", Tampering(less, f"{named} is ")
        renamed = partial(rename, file, f"stack/t{number}.tif")
        yield f"{file} renamed", Tampering(renamed, f"renamed to stack/t{number}.tif")
        more = partial(copy, file, f"stack/more{number}.tif")
        yield f"{file} doubled", Tampering(more, f"is a copy of {file}")
        packed = partial(again, file, compression="zlib")
        yield f"{file} compressed", Tampering(packed, f"{file}: {named} is another file", mild=True)
        sized = partial(again, file, resolution=(5e6, 5e6), resolutionunit="CENTIMETER")
        yield f"{file} resized", Tampering(sized, f"{named} has a pixel size of 2.0 x 2.0 nm")
    for one, other in combinations(SLICES, 2):
        do = partial(swap, f"stack/s{one}.tif", f"stack/s{other}.tif")
        yield f"{one} and {other} swapped", Tampering(do, f"swapped with slice {other}")
    for one, other in permutations(SLICES, 2):
        do = partial(copy, f"stack/s{one}.tif", f"stack/s{other}.tif")
        yield f"{one} over {other}", Tampering(do, f"slice {other} has the pixels of slice {one}")
    yield "stack gone", Tampering(partial(gone, "stack"), "stack: is gone")
    yield "a slice linked", Tampering(partial(link, "stack/s1.tif"), "stack/s1.tif", mild=True)
    foreign = partial(add, "stack/notes.txt", b"x")
    yield "a file in the stack", Tampering(foreign, "stack/notes.txt")


TABLE = {
    "status": "constant",
    "mask_area": "9999",
    "changed_fraction": "0.5",
    "mean_after": "1",
    "std_before": "2",
    "clipped": "7",
    "output_hash": "0" * 64,
    "input_hash": "1" * 64,
    "name": "other.tif",
    "reason": "none",
    "noise_after": "99",
    "reach_hash": "2",
}


def of_tables() -> Iterator[tuple[str, Tampering]]:
    for line, (column, value) in enumerate(TABLE.items()):
        do = partial(cell, "slices.csv", 1 + line % 4, column, value)
        yield f"slices.csv {column}", Tampering(do, f"slice {line % 4}: {column} is ")
    for column, value in (("loss", "0.5"), ("status", "failed"), ("gf2_sigma", "16")):
        do = partial(cell, "losses.csv", 1, column, value)
        yield f"losses.csv {column}", Tampering(do, "losses.csv")
    for name in ("slices.csv", "losses.csv"):
        for what, do in (
            ("row gone", partial(lines, name, lambda every: every[:1] + every[2:])),
            ("row doubled", partial(lines, name, lambda every: every[:2] + every[1:])),
            ("rows swapped", partial(lines, name, lambda e: [e[0], e[2], e[1], *e[3:]])),
            ("header", partial(flip, name, 0)),
            ("cut off", partial(cut, name, 0.7)),
            ("gone", partial(gone, name)),
            ("a line more", partial(add, name, b"9,0\r\n")),
            ("a cell more", partial(add, name, b"," * 99 + b"\r\n")),
            ("no text", partial(add, name, b"\xff")),
        ):
            yield f"{name} {what}", Tampering(do, name)


RECORD = {
    "name": "other",
    "mask_of": "dust",
    "masked_share": 0.1,
    "warnings": ["none"],
    "protocol.text": "x",
    "protocol.set": {"a": "1"},
    "input.label": "else",
    "times.total_s": 1,
    "input.shape": [9, 9, 9],
    "input.pixel_hash": "0" * 64,
    "output.pixel_hash": "0" * 64,
    "output.clipped": 5,
    "output.dtype": "uint16",
    "environment.python": "2.7",
    "environment.packages.numpy": "0.1",
    "slices.restored": 1,
    "searches.0.loss_of_choice": 0.1,
    "searches.0.combinations": 77,
    "chain.1.parameters.gf1_sigma.value": 99,
    "files": {},
    "chain.1.parameters.gf1_sigma.origin": "default",
    "hash": "0" * 64,
    "recovery": [],
}
SEALED = {
    "input.pixel_hash": ("0" * 64, "input.pixel_hash is "),
    "output.pixel_hash": ("0" * 64, "output.pixel_hash is "),
    "output.clipped": (5, "output.clipped is 5"),
    "output.compression": ("zlib", "output.compression is zlib"),
    "slices.constant": (2, "slices.constant is 2"),
    "protocol.text": ("protocol: 1", "protocol.yaml: line 1 is another"),
    "chain.1.parameters.gf1_sigma.value": (99, "find_charging.gf1_sigma is 99"),
    "searches.0.loss_of_choice": (0.125, "mean_loss of the choice of search 0"),
}


def of_records() -> Iterator[tuple[str, Tampering]]:
    for path, value in RECORD.items():
        yield f"run.json {path}", Tampering(partial(record, path, value), "run.json")
    for path, (value, named) in SEALED.items():
        do = partial(record, path, value, sealed=True)
        yield f"run.json {path}, sealed", Tampering(do, named)
    yield "run.json cut off", Tampering(partial(cut, "run.json", 0.5), "run.json")
    yield "run.json gone", Tampering(partial(gone, "run.json"), "run.json")


def of_journals() -> Iterator[tuple[str, Tampering]]:
    journal = "journal.jsonl"
    for place in (0.05, 0.3, 0.5, 0.7, 0.95):
        do = partial(flip, journal, place)
        yield f"{journal} at {place}", Tampering(do, "1 line not as written")
    yield f"{journal} cut off", Tampering(partial(cut, journal, 0.9), journal)
    yield f"{journal} gone", Tampering(partial(gone, journal), "journal.jsonl: is gone")
    doubled = partial(lines, journal, lambda every: every[:1] + every)
    yield f"{journal} line doubled", Tampering(doubled, journal)
    for name, value in (("mask_area", 7), ("status", "constant"), ("output_hash", "0" * 64)):
        do = partial(entry, "slice", name, value)
        yield f"{journal} {name} forged", Tampering(do, f"slice 0: {name} is ")
    yield f"{journal} loss forged", Tampering(partial(entry, "loss", "loss", 0.5), journal)


def of_others(out: Path) -> Iterator[tuple[str, Tampering]]:
    """Every other file of a result flipped, cut, lengthened and lost."""
    previews = [f"previews/{file.name}" for file in sorted((out / "previews").iterdir())]
    names = [
        "protocol.yaml",
        "effective.yaml",
        "surveys.json",
        "fingerprints.json",
        "log.jsonl",
        "log.txt",
    ]
    for name in (*names, "losses.webp", *previews[:4], previews[-1]):
        for place in (0.1, 0.6):
            yield f"{name} at {place}", Tampering(partial(flip, name, place), f"{name}: ")
        yield f"{name} cut off", Tampering(partial(cut, name, 0.6), f"{name}: ")
        yield f"{name} longer", Tampering(partial(add, name, b" "), f"{name}: ")
        yield f"{name} gone", Tampering(partial(gone, name), f"{name}: is gone")
    yield "previews gone", Tampering(partial(gone, "previews"), "previews: is gone")
    swapped = partial(swap, previews[0], previews[1])
    yield "previews swapped", Tampering(swapped, previews[0])
    more = partial(add, "previews/more.webp", b"x")
    yield "a preview more", Tampering(more, "previews/more.webp: is not in its record")
    yield "a stack more", Tampering(partial(add, "stack.tif", b"x"), "stack.tif: is not in its")


def all_of(out: Path) -> dict[str, Tampering]:
    """All ways, by their names."""
    ways = [*of_slices(), *of_tables(), *of_records(), *of_journals(), *of_others(out)]
    found = dict(ways)
    assert len(found) == len(ways)
    return found
