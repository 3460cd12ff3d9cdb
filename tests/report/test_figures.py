"""Figures as files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stackmend import api
from stackmend.errors import OutputError, UsageError

EXPECTED = {
    "loss",
    "loss_near_minimum",
    "parameter_gf1_sigma",
    "parameter_rb_radius",
    "pair_gf1_sigma_color_shift",
    "losses_compared",
    "histograms_slice1",
    "points",
    "along_stack",
    "slice1_profile",
    "slice1_before_after",
    "step_correct_charging_taken_slice1",
}


def sizes(files: list[Path]) -> dict[str, tuple[int, int]]:
    found = {}
    for file in files:
        with Image.open(file) as picture:
            found[file.stem] = picture.size
    return found


@pytest.mark.slow
def test_png_in_the_resolution_asked_for(result: Path) -> None:
    files = api.figures(result, dpi=50)
    assert {file.stem for file in files} >= EXPECTED
    assert {file.parent for file in files} == {result / "figures"}
    small = sizes(files)
    large = sizes(api.figures(result, dpi=100, output=result / "large"))
    assert all(
        large[name] == pytest.approx((2 * x, 2 * y), abs=2) for name, (x, y) in small.items()
    )


@pytest.mark.slow
@pytest.mark.parametrize(("format", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF-")])
def test_vectors_are_the_same_every_time(
    result: Path, tmp_path: Path, format: str, start: bytes
) -> None:
    first = api.figures(result, format=format, output=tmp_path / "a")
    again = api.figures(result, format=format, output=tmp_path / "b")
    assert {file.stem for file in first} >= EXPECTED
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.read_bytes().startswith(start)


@pytest.mark.slow
def test_on_paper_colours_are_colours(result: Path) -> None:
    (loss,) = [file for file in api.figures(result, format="svg") if file.stem == "loss"]
    text = loss.read_text(encoding="utf-8")
    assert "#0072b2" in text.casefold()
    assert "var(--" not in text


@pytest.mark.slow
def test_names_of_files_hold_nothing_but_letters(result: Path) -> None:
    file = result / "losses.csv"
    file.write_text(
        file.read_text(encoding="utf-8").replace("gf1_sigma", "a/../b $x$", 1), encoding="utf-8"
    )
    files = api.figures(result, dpi=30)
    assert result / "figures" / "parameter_a_.._b_x_.png" in files
    assert all(re.fullmatch(r"[\w.-]+", each.name) for each in files)


def test_what_cannot_be(result: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="format: expected png, svg, pdf, got gif"):
        api.figures(result, format="gif")
    with pytest.raises(UsageError, match="dpi: expected a whole number, 1 or more, got 0"):
        api.figures(result, dpi=0)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="the figures cannot be written"):
        api.figures(result, output=tmp_path / "file")


def test_the_commands(result: Path, main: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (result / "report.html").unlink()
    assert main("report", result) == 0
    assert capsys.readouterr().out == "result/report.html\n"
    assert (result / "report.html").is_file()
    assert main("figures", result, "--format", "svg", "--output", "for_paper") == 0
    assert "for_paper/loss.svg" in capsys.readouterr().out.splitlines()
    assert main("report", result / "stack") == 4
    assert "there is no result of a run" in capsys.readouterr().err


def imported_by(*arguments: str | Path) -> set[str]:
    """The packages that a command has imported when it is done."""
    words = ["stackmend", *map(str, arguments)]
    code = "import sys; from stackmend.cli import main; status = main(sys.argv[1:])"
    code += "; print(*{name.partition('.')[0] for name in sys.modules})"
    code += "; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *words[1:]], capture_output=True, text=True, check=True
    )
    *_, packages, pyplot = done.stdout.splitlines()
    assert pyplot == "False"  # which would ask for a display
    return set(packages.split())


def test_a_page_waits_for_no_library_but_that_of_its_templates(result: Path) -> None:
    found = imported_by("report", result)
    assert {"stackmend", "jinja2"} <= found
    needless = {"numpy", "scipy", "numba", "joblib", "tifffile", "jsonschema", "PIL", "matplotlib"}
    assert not found & (needless | {"yaml", "rich"})


@pytest.mark.slow
def test_no_display_is_asked_for(result: Path) -> None:
    assert "matplotlib" in imported_by("figures", result, "--dpi", "20")


def test_without_matplotlib_the_command_that_installs_it_is_said(
    result: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        UsageError,
        match=r"needs? one more package, matplotlib; run: pip install 'stackmend\[figures\]'",
    ):
        api.figures(result)
    assert not (result / "figures").exists()
    assert api.report(result).is_file()
