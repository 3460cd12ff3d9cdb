"""``verify``: every change of a result is found and named, and nothing else is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from kills import CHARGING, write_protocol
from stackmend import api
from stackmend.errors import InputError
from stops import FORMATS, write_small_stack
from tampered import SLICES, Tampering, again, all_of, copy, pixels, swap

CHAIN = [{"step": "standardize", "per": "stack"}, *CHARGING]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished result with a search and what surveys settled; its stack lies beside it."""
    folder = tmp_path_factory.mktemp("verification")
    write_small_stack(folder, len(SLICES))
    optimize = {"slices": [0], "validate": [1], "clean": [{"slice": 2, "region": {"y": [0, 4]}}]}
    sweep = {"sweep": [15, 30]}
    optimize |= {"max_changed": 1}
    file = write_protocol(folder, {}, chain=CHAIN, gf2_sigma=sweep, optimize=optimize)
    return api.run(file, workers=1).folder


@pytest.fixture
def out(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "out"))


def texts(run: Path, **how: Any) -> list[str]:
    return [str(finding) for finding in api.verify(run, workers=1, **how).findings]


def test_a_result_as_it_was_left_is_identical(sound: Path) -> None:
    found = api.verify(sound, input=sound.parent / "stack", output_of=sound)
    assert found.outcome == "identical"
    assert not found.findings
    assert found.slices == len(SLICES)
    assert api.verify(sound / "run.json").outcome == "identical"


def test_every_tampering_is_found_and_named(sound: Path, tmp_path: Path) -> None:
    ways = all_of(sound)
    assert len(ways) > 150
    missed = {name: said for name, way in ways.items() if (said := _missed(sound, tmp_path, way))}
    assert not missed


def _missed(sound: Path, place: Path, way: Tampering) -> str:
    """What verify says of a tampering, if that is not what it should."""
    out = place / "out"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(sound, out)
    way.do(out)
    try:
        found = api.verify(out, workers=1)
    except InputError as error:
        return "" if way.named in str(error) else str(error)
    said = "\n".join([found.outcome, *map(str, found.findings)])
    outcome = "same pixels, other file" if way.mild else "different"
    return "" if way.named in said and found.outcome == outcome else said


def test_how_much_pixels_differ_is_said(out: Path) -> None:
    def brighter(image: Any) -> Any:
        image[2:5, 3:9] += 40
        return image

    pixels("stack/s1.tif", brighter, out)
    pixels("stack/s3.tif", lambda image: image + 2, out)
    found = api.verify(out)
    first, second = found.findings[:2]
    assert (first.slice, second.slice) == (1, 3)
    assert first.difference is not None
    assert 20 < first.difference <= 40
    assert second.difference == pytest.approx(2, abs=1e-4)
    assert not first.exact
    assert "most in y 0 to 5, x " in first.message
    assert found.first == first
    assert found.worst == first


def test_a_tolerance_accepts_what_is_close(out: Path) -> None:
    pixels("stack/s1.tif", lambda image: image + 1, out)
    assert api.verify(out).outcome == "different"
    # the file is another one, as its hash tells, and that is explained
    found = api.verify(out, tolerance=1)
    assert found.outcome == "equivalent"
    assert not found.different
    assert api.verify(out, tolerance=0.5).outcome == "different"


def test_the_stack_of_another_run_is_held_against_the_record(out: Path, sound: Path) -> None:
    pixels("stack/s1.tif", lambda image: image + 1, out)
    found = api.verify(sound, output_of=out)
    (finding,) = found.findings
    assert (found.outcome, finding.slice, finding.difference, finding.exact) == (
        *("equivalent", 1),
        *(1, True),
    )
    shutil.rmtree(out / "previews")  # of the other run only the stack matters
    pixels("stack/s2.tif", lambda image: image + 2, out)
    assert api.verify(sound, output_of=out).outcome == "different"
    assert api.verify(sound, output_of=out, tolerance=2).outcome == "equivalent"


def test_without_its_own_stack_the_fingerprint_tells(
    out: Path, sound: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(sound, tmp_path / "other"))
    pixels("stack/s1.tif", lambda image: image + 1, other)
    shutil.rmtree(out / "stack")
    found = api.verify(out, output_of=other)
    assert found.outcome == "equivalent"
    assert not found.findings[0].exact
    pixels("stack/s1.tif", lambda image: image + 1, other)
    assert api.verify(out, output_of=other).outcome == "different"


def test_a_changed_input_is_named(sound: Path, tmp_path: Path) -> None:
    stack = Path(shutil.copytree(sound.parent / "stack", tmp_path / "stack"))
    assert not texts(sound, input=stack)
    again("stack/s0.tif", tmp_path, compression="zlib")
    assert not texts(sound, input=stack)
    pixels("stack/s2.tif", lambda image: image ^ 1, tmp_path)
    assert texts(sound, input=stack) == ["input: slice 2 has other pixels than its record"]
    swap("stack/s0.tif", "stack/s1.tif", tmp_path)
    assert "input: slice 0 is swapped with slice 1" in texts(sound, input=stack)
    (stack / "s3.tif").unlink()
    said = texts(sound, input=stack)
    assert any(text.startswith("input: shape is 3 x") for text in said)
    assert "input: slice 3 is gone or cannot be read" in said


def test_an_input_that_is_no_stack_is_an_error(sound: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        api.verify(sound, input=tmp_path / "nowhere")


@pytest.fixture(scope="module", params=["TIFF", "compressed TIFF", "OME-Zarr", "OME-Zarr 0.4"])
def in_a_format(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    if "Zarr" in request.param:
        pytest.importorskip("zarr")
    folder = tmp_path_factory.mktemp("formats")
    write_small_stack(folder, 3)
    file = write_protocol(folder, FORMATS[request.param])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stackmend.runner.stories.collect", lambda *_: None)
        yield api.run(file, workers=1).folder


def test_any_format_can_be_verified(in_a_format: Path, tmp_path: Path) -> None:
    assert api.verify(in_a_format).outcome == "identical"
    out = Path(shutil.copytree(in_a_format, tmp_path / "out"))
    (stack,) = out.glob("stack.*")
    if stack.is_file():
        stack.write_bytes(stack.read_bytes()[:-2000])
        assert api.verify(out).outcome == "different"
        return
    chunks = sorted(file for file in (stack / "0").rglob("0") if file.is_file())
    shutil.copyfile(chunks[0], chunks[2])
    chunks[1].unlink()
    said = texts(out)
    assert any("slice 2 has the pixels of slice 0" in text for text in said)
    assert any("slice 1 is gone" in text for text in said)
    assert all(text.startswith("stack.zarr/0/") for text in said)


def test_changed_masks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stackmend.runner.stories.collect", lambda *_: None)
    write_small_stack(tmp_path, 3)
    out = api.run(write_protocol(tmp_path, {"masks": True}), workers=1).folder
    assert api.verify(out).outcome == "identical"
    pixels("masks/s1.tif", lambda mask: 255 - mask, out)
    (out / "masks" / "s2.tif").rename(out / "masks" / "s9.tif")
    assert texts(out) == [
        "masks/s1.tif: has been edited",
        "masks/s2.tif: is gone, renamed to masks/s9.tif",
    ]


def test_what_was_kept_or_skipped_is_no_difference(tmp_path: Path) -> None:
    write_small_stack(tmp_path, 3)
    image = tifffile.imread(tmp_path / "stack" / "s1.tif")
    for number in range(3):
        each = image.astype(np.float32) / 255
        each[0, 0] = np.nan if number == 1 else 0
        tifffile.imwrite(tmp_path / "stack" / f"s{number}.tif", each)
    for how in ("keep", "skip"):
        given = {"path": "stack", "on_bad_slice": how}
        run = api.run(write_protocol(tmp_path, {}, input=given), output=tmp_path / how, workers=1)
        assert api.verify(run.folder, input=tmp_path / "stack").outcome == "identical"


def test_the_command(main: Callable[..., int], out: Path, capsys: Any) -> None:
    assert main("verify", out) == 0
    text = capsys.readouterr().out
    assert f"{out / 'stack'}: identical (4 slices looked at)" in text or "out/stack: ident" in text
    again("stack/s1.tif", out, compression="zlib")
    (out / "more.txt").touch()
    assert main("verify", out, "--format", "json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["outcome"], facts["status"]) == ("same pixels, other file", 0)
    assert [each["kind"] for each in facts["findings"]] == ["same pixels, other file", "note"]
    copy("stack/s2.tif", "stack/s3.tif", out)
    assert main("verify", out) == 7
    text = capsys.readouterr().out
    assert "stack: different" in text
    assert "slice 3 has the pixels of slice 2" in text
    assert "note: more.txt: is no part of a result" in text
    assert main("verify", out, "--output-of", out.parent / "nowhere") == 4
    with pytest.raises(SystemExit):
        main("verify", out, "--tolerance", "-1")


@pytest.mark.parametrize("cells", ["9", "," * 99])
def test_a_row_of_another_length_is_damage_and_no_traceback(out: Path, cells: str) -> None:
    with (out / "slices.csv").open("a") as file:
        file.write(f"{cells}\n")
    with pytest.raises(InputError, match="is damaged: line 6"):
        api.show(out)
