"""A run from the protocol to the result folder: what is written, and what a failure leaves."""

from __future__ import annotations

import csv
import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from stackmend import api
from stackmend.errors import InputError, NothingFound, OutputError, StackmendError, UsageError
from stackmend.kernels.rounding import to_dtype
from stackmend.result import atomic
from stackmend.result.encoding import plain
from stackmend.result.hashes import combined_hash, pixel_hash
from stackmend.result.log import Log
from stackmend.result.rows import LEAVE_IT_ALONE
from stackmend.stacks.tiff import file_writer
from stackmend.stacks.tiff.file_writer import PlainTiffWriter
from stackmend.stacks.tiff.folder_writer import TiffFolderWriter

Write = Callable[..., Path]
PARTS = [
    "effective.yaml",
    "fingerprints.json",
    "journal.jsonl",
    "log.jsonl",
    "log.txt",
    "losses.csv",
    "losses.webp",
    "previews",
    "protocol.yaml",
    "report.html",
]
PARTS += ["run.json", "slices.csv", "stack"]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def strict(text: str) -> Any:
    """JSON as the standard has it, without NaN and infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a result, but not what lies in the place of work."""
    files = (
        file for file in folder.rglob("*") if file.is_file() and ".stackmend" not in file.parts
    )
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def run(file: Path, **how: Any) -> api.RunResult:
    return api.run(file, workers=1, **how)


# What a run leaves


def test_the_result_folder(cell: Path, protocol: Write, tmp_path: Path) -> None:
    file = protocol()
    result = run(file)
    assert result.folder == tmp_path / "result"
    assert sorted(path.name for path in result.folder.iterdir()) == PARTS
    assert (result.folder / "protocol.yaml").read_bytes() == file.read_bytes()
    assert result.stack == result.folder / "stack"
    assert [path.name for path in sorted(result.stack.iterdir())] == [
        f"slice{index}.tif" for index in range(4)
    ]


def test_the_record_is_strict_json_and_what_the_call_returned(cell: Path, protocol: Write) -> None:
    result = run(protocol())
    content = strict((result.folder / "run.json").read_text(encoding="utf-8"))
    assert content == json.loads(json.dumps(result.record, default=plain))
    assert content["input"]["shape"] == content["output"]["shape"] == [4, 48, 64]
    assert content["input"]["path"] == str(cell)
    assert content["environment"]["workers"] == 1
    (search,) = content["searches"]
    assert search["status"] == "chosen"
    assert search["chosen"].keys() == {"gf1_sigma", "rb_radius"}
    assert search["held_out"].keys() == {"2"}
    parameters = {step["id"]: step["parameters"] for step in content["chain"]}
    assert parameters["find_charging"]["gf1_sigma"]["value"] == search["chosen"]["gf1_sigma"]
    assert parameters["find_charging"]["gf1_sigma"]["origin"].startswith("chosen by search (line ")
    assert parameters["find_charging"]["color_shift"]["origin"] == "default"
    assert parameters["correct_charging"]["border"]["origin"].startswith("line ")


def test_every_combination_is_in_the_table_of_losses(cell: Path, protocol: Write) -> None:
    result = run(
        protocol(optimize={"slices": [1, 3], "loss": {"name": "charging_histogram", "distance": 4}})
    )
    every = rows(result.folder / "losses.csv")
    table = [row for row in every if row["combination"] != LEAVE_IT_ALONE]
    assert [row["slice"] for row in every if row not in table] == ["1", "3"]
    expected = [(s, g, r) for s in ("1", "3") for g in ("8", "12") for r in ("5", "10")]
    assert [(row["slice"], row["gf1_sigma"], row["rb_radius"]) for row in table] == expected
    assert [row["combination"] for row in table] == list("0123") * 2
    assert {row["status"] for row in table} <= {"ok", "undefined", "nothing_found"}
    assert all((row["status"] == "ok") == (row["loss"] != "") for row in table)
    best = min((row for row in table if row["mean_loss"]), key=lambda row: float(row["mean_loss"]))
    (search,) = result.record["searches"]
    assert search["loss_of_choice"] == float(best["mean_loss"])
    assert [str(value) for value in search["chosen"].values()] == [
        best["gf1_sigma"],
        best["rb_radius"],
    ]


def test_the_table_of_slices(cell: Path, protocol: Write) -> None:
    result = run(protocol())
    table = rows(result.folder / "slices.csv")
    assert [row["slice"] for row in table] == ["0", "1", "2", "3"]
    for row in table:
        before, after = (
            tifffile.imread(cell / row["name"]),
            tifffile.imread(result.stack / row["name"]),
        )
        assert (row["input_hash"], row["output_hash"]) == (pixel_hash(before), pixel_hash(after))
        assert float(row["changed_fraction"]) == np.mean(before != after)
        assert float(row["mean_before"]) == pytest.approx(before.mean(), abs=1e-5)
        assert float(row["std_after"]) == pytest.approx(after.std(), abs=1e-5)
        assert row["status"] == "restored"
        assert int(row["mask_area"]) > 50
        assert row["rmse_before"] == row["rmse_after"] == ""
    assert result.record["output"]["pixel_hash"] == combined_hash(
        row["output_hash"] for row in table
    )


def test_the_log(cell: Path, protocol: Write) -> None:
    result = run(protocol())
    events = [
        strict(line)
        for line in (result.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    kinds = [event["event"] for event in events if event["event"] != "warning"]
    assert kinds == [
        "started", "search started", "search finished", "chosen", "application started",
        *["slice"] * 4, "finished",
    ]  # fmt: skip
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)


def test_files_that_were_passed_over_are_recorded(cell: Path, protocol: Write) -> None:
    (cell / "Thumbs.db").touch()
    result = run(protocol())
    assert result.record["input"]["notes"] == ["cell: skipped what is no slice: Thumbs.db"]
    assert "Thumbs.db" in (result.folder / "log.jsonl").read_text()


def test_a_listener_hears_of_everything(cell: Path, protocol: Write) -> None:
    heard: list[tuple[str, Any]] = []
    run(protocol(), listener=lambda kind, fields: heard.append((kind, fields)))
    progress = [fields for kind, fields in heard if kind == "progress"]
    for phase, total in (("search", 4), ("apply", 4)):
        done = [fields["done"] for fields in progress if fields["phase"] == phase]
        assert done == list(range(total + 1))
        assert {fields["total"] for fields in progress if fields["phase"] == phase} == {total}


# Slices and pixels


@pytest.mark.parametrize(
    ("slices", "numbers"), [("0:4:2", [0, 2]), ([3, 1], [3, 1]), ("2:", [2, 3])]
)
def test_a_part_of_the_stack(
    tmp_path: Path, cell: Path, protocol: Write, slices: Any, numbers: list[int]
) -> None:
    whole = run(protocol(), output=tmp_path / "whole")
    hashes = {row["slice"]: row["output_hash"] for row in rows(whole.folder / "slices.csv")}
    result = run(protocol(input={"path": "cell", "slices": slices}))
    table = rows(result.folder / "slices.csv")
    assert [int(row["slice"]) for row in table] == numbers
    assert [row["output_hash"] for row in table] == [hashes[row["slice"]] for row in table]
    assert result.record["output"]["shape"] == [len(numbers), 48, 64]
    assert len(list(result.stack.iterdir())) == len(numbers)


def test_the_pages_of_a_file_are_in_the_order_asked_for(cell: Path, protocol: Write) -> None:
    whole = run(protocol())
    slices = {"path": "cell", "slices": [3, 1]}
    part = run(protocol(input=slices, output={"path": "part", "format": "tiff"}))
    pages = tifffile.imread(part.stack)
    for page, name in zip(pages, ("slice3.tif", "slice1.tif"), strict=True):
        assert np.array_equal(page, tifffile.imread(whole.stack / name))


def test_grey_levels_are_rounded_to_the_nearest_and_saturated() -> None:
    image = np.array([[-3.0, -0.5, -0.4, 0.5, 1.5, 2.5, 254.5, 255.4, 255.6, 300.0]], np.float32)
    pixels, clipped = to_dtype(image, np.dtype("uint8"))
    assert pixels.tolist() == [[0, 0, 0, 0, 2, 2, 254, 255, 255, 255]]
    assert (pixels.dtype, clipped) == (np.uint8, 3)
    pixels, clipped = to_dtype(image, np.dtype("uint16"))
    assert (pixels.max(), clipped) == (300, 1)
    pixels, clipped = to_dtype(image, np.dtype("float32"))
    assert np.array_equal(pixels, image)
    assert clipped == 0


@pytest.mark.parametrize("source", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("dtype", ["input", "uint8", "uint16", "float32"])
@pytest.mark.parametrize("format", ["tiff-folder", "tiff"])
def test_output_types(
    tmp_path: Path,
    charged: Callable[..., NDArray[Any]],
    protocol: Write,
    source: str,
    dtype: str,
    format: str,
) -> None:
    stack = charged(2, dtype=source)
    tifffile.imwrite(
        tmp_path / "cell.tif", stack, photometric="minisblack", metadata={"axes": "ZYX"}
    )
    output = {"path": "result", "format": format, "dtype": dtype}
    chain = [{"step": "standardize"}, {"step": "destandardize"}]
    result = run(protocol(input={"path": "cell.tif"}, output=output, chain=chain, optimize=None))
    target = np.dtype(source if dtype == "input" else dtype)
    expected = [to_dtype(image.astype(np.float32), target) for image in stack]
    written = (
        [tifffile.imread(path) for path in sorted(result.stack.iterdir())]
        if result.stack.is_dir()
        else None
    )
    pages = tifffile.imread(result.stack) if written is None else np.stack(written)
    assert pages.dtype == target
    assert np.array_equal(pages, np.stack([pixels for pixels, _ in expected]))
    assert result.record["output"]["clipped"] == sum(clipped for _, clipped in expected)
    assert result.record["output"]["dtype"] == str(target)


def test_clipped_pixels_are_counted_and_said(tmp_path: Path, protocol: Write) -> None:
    stack = np.full((1, 48, 64), 100, np.uint16)
    stack[0, :2, :3] = 300
    tifffile.imwrite(tmp_path / "cell.tif", stack, photometric="minisblack")
    chain = [{"step": "standardize"}, {"step": "destandardize"}]
    output = {"path": "result", "dtype": "uint8"}
    result = run(protocol(input={"path": "cell.tif"}, output=output, chain=chain, optimize=None))
    assert rows(result.folder / "slices.csv")[0]["clipped"] == "6"
    assert "6 pixels were clipped to the range of the output type" in result.record["warnings"]


def test_a_constant_slice_passes_untouched_and_is_recorded(cell: Path, protocol: Write) -> None:
    tifffile.imwrite(cell / "slice3.tif", np.full((48, 64), 77, np.uint8))
    result = run(protocol())
    assert np.all(tifffile.imread(result.stack / "slice3.tif") == 77)
    assert rows(result.folder / "slices.csv")[3]["status"] == "constant"
    assert "1 of 4 slices are constant and left unchanged: 3" in result.record["warnings"]


def test_whether_high_is_bright_is_kept(cell: Path, protocol: Write) -> None:
    for file in cell.iterdir():
        tifffile.imwrite(file, tifffile.imread(file), photometric="miniswhite")
    result = run(protocol())
    with tifffile.TiffFile(result.stack / "slice0.tif") as tif:
        assert tif.pages[0].photometric.name == "MINISWHITE"


def test_the_raw_stack_is_never_written_to(cell: Path, protocol: Write) -> None:
    before = {
        path: (path.stat().st_mtime_ns, path.stat().st_size) for path in (cell, *cell.iterdir())
    }
    run(protocol())
    assert {
        path: (path.stat().st_mtime_ns, path.stat().st_size) for path in (cell, *cell.iterdir())
    } == before
    with pytest.raises(StackmendError, match="lies in the input stack, which is never written to"):
        run(protocol(output={"path": "cell/result"}))
    assert {
        path: (path.stat().st_mtime_ns, path.stat().st_size) for path in (cell, *cell.iterdir())
    } == before


# Running again


def test_the_protocol_of_a_result_gives_the_same_pixels_from_anywhere(
    cell: Path, protocol: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(
        protocol("protocols/tiny.yaml", input={"path": "../cell"}, output={"path": "../result"})
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = run(first.folder / "protocol.yaml", output="again")
    assert again.folder == tmp_path / "elsewhere" / "again"
    assert again.record["output"]["pixel_hash"] == first.record["output"]["pixel_hash"]
    third = run(again.folder / "protocol.yaml", output=tmp_path / "third")
    assert third.record["output"]["pixel_hash"] == first.record["output"]["pixel_hash"]
    assert third.record["input"]["path"] == str(cell)


def test_what_the_command_line_gave_is_given_again(
    cell: Path, protocol: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    changes = {"find_charging.gf1_sigma": "9", "input.slices": "[0, 1, 2]"}
    first = run(protocol(input=None, output=None), input="cell", output="result", set=changes)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = run(Path("../result/protocol.yaml"))
    assert again.folder == first.folder
    assert again.record["output"] == first.record["output"]
    assert again.record["chain"] == first.record["chain"]
    # A copy of the copy must know it too.
    assert again.record["protocol"] | {"file": None} == first.record["protocol"] | {"file": None}


def test_a_second_run_replaces_the_first(cell: Path, protocol: Write) -> None:
    run(protocol())
    result = run(protocol(output={"path": "result", "format": "tiff"}))
    assert sorted(path.name for path in result.folder.iterdir()) == [*PARTS[:-1], "stack.tif"]


# Failures


def fill_up(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("before", [True, False], ids=["over an earlier result", "first"])
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (TiffFolderWriter, "write"),
        (atomic, "write_table"),
        (atomic, "write_json"),
        (Log, "event"),
        (Path, "write_bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_a_full_disk_is_an_output_error_and_leaves_what_was_there(
    cell: Path,
    protocol: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: bool,
    owner: Any,
    name: str,
) -> None:
    file = protocol()
    if before:
        run(file)
    earlier = snapshot(tmp_path / "result")
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fill_up)
        with pytest.raises(OutputError, match="No space left on device"):
            run(file, set={"correct_charging.gf2_sigma": "7"})
    assert snapshot(tmp_path / "result") == earlier
    run(file)


def test_a_full_disk_while_pages_are_written(
    cell: Path, protocol: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("create", "write"):
        with monkeypatch.context() as patch:
            owner, what = (file_writer, "beginning")
            if name == "write":
                owner, what = (PlainTiffWriter, "write")
            patch.setattr(owner, what, fill_up)
            with pytest.raises(OutputError, match=r"stack.tif.*No space left on device.*make room"):
                run(protocol(output={"path": "result", "format": "tiff"}))
        assert snapshot(tmp_path / "result") == {}


def test_a_slice_that_becomes_unreadable_during_the_run(
    cell: Path, protocol: Write, tmp_path: Path
) -> None:
    run(protocol())
    earlier = snapshot(tmp_path / "result")

    def spoil(kind: str, _: object) -> None:
        if kind == "application started":
            (cell / "slice3.tif").unlink()

    with pytest.raises(InputError, match=r"slice3.tif: cannot be read"):
        run(protocol(), set={"correct_charging.gf2_sigma": "7"}, listener=spoil)
    assert snapshot(tmp_path / "result") == earlier


def test_pixels_that_are_no_numbers_stop_the_run(
    tmp_path: Path, charged: Callable[..., NDArray[Any]], protocol: Write
) -> None:
    stack = charged(4, dtype="float32")
    stack[3, 5, 6] = np.nan
    tifffile.imwrite(
        tmp_path / "cell.tif", stack, photometric="minisblack", metadata={"axes": "ZYX"}
    )
    with pytest.raises(
        InputError, match=r"cell.tif page 3: 1 pixels are NaN or infinite, first at y 5, x 6"
    ):
        run(protocol(input={"path": "cell.tif"}))
    assert snapshot(tmp_path / "result") == {}


def test_nothing_found_stops_the_run(cell: Path, protocol: Write, tmp_path: Path) -> None:
    with pytest.raises(
        NothingFound, match="no combination finds any charging in optimization slices 1"
    ):
        run(protocol(), set={"find_charging.color_shift": "0.99"})
    assert snapshot(tmp_path / "result") == {}


def test_nothing_found_may_be_skipped(cell: Path, protocol: Write) -> None:
    optimize = {"slices": [1], "on_nothing_found": "skip"}
    result = run(protocol(optimize=optimize), set={"find_charging.color_shift": "0.99"})
    assert result.record["skipped_steps"] == ["find_charging", "correct_charging"]
    assert result.record["input"]["pixel_hash"] == result.record["output"]["pixel_hash"]


def test_an_input_or_output_that_nobody_gives(cell: Path, protocol: Write) -> None:
    with pytest.raises(UsageError, match="gives no input; add --input PATH"):
        run(protocol(input=None))
    with pytest.raises(UsageError, match="gives no output; add --output PATH"):
        run(protocol(output=None))


def test_a_listener_that_fails_leaves_the_earlier_result(
    cell: Path, protocol: Write, tmp_path: Path
) -> None:
    run(protocol())
    earlier = snapshot(tmp_path / "result")
    for turn, moment in enumerate(("started", "search finished", "slice", "finished"), start=1):

        def interrupt(kind: str, _: object, moment: str = moment) -> None:
            if kind == moment:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(protocol(), set={"correct_charging.gf2_sigma": str(turn)}, listener=interrupt)
        assert snapshot(tmp_path / "result") == earlier
    log = (tmp_path / "result" / ".stackmend" / "partial" / "log.jsonl").read_text()
    assert '"finished"' in log


def test_check_writes_nothing(cell: Path, protocol: Write, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    findings = api.check(protocol())
    assert findings.draft.problems == ()
    assert findings.reader is not None
    assert findings.reader.shape == (4, 48, 64)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "tiny.yaml"])
