"""The report of a run: ``report.html`` and figures for papers, made from its result folder.

Nothing is computed from pixels here: pictures and what is measured in them come from the run.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from stackmend.disk import remedy
from stackmend.errors import OutputError, UsageError
from stackmend.result import atomic, names, open_result

__all__ = ["FORMATS", "write_figures", "write_report"]

FORMATS = ("png", "svg", "pdf")

EXTRA = "pip install 'stackmend[figures]'"
"""The command that installs what figures are drawn with; a page needs nothing of it."""


def write_report(folder: Path) -> Path:
    """Write the report of the run in a result folder into it; it is there completely or not at all.

    Raises
    ------
    InputError
        If there is no result of a run.
    OutputError
        If the report cannot be made or written.
    """
    try:
        from stackmend.report.page import render
    except ImportError as error:
        what = f"the code that makes it cannot be imported ({error})"
        raise OutputError(f"{names.REPORT}: {what}; install stackmend again") from error

    source = open_result(folder)
    text = render(source)
    target = source.folder / names.REPORT
    try:
        if not target.is_file() or target.read_bytes() != text.encode(errors="backslashreplace"):
            atomic.write_text(target, text)
    except OSError as error:
        raise OutputError(
            f"{target}: cannot be written ({error.strerror or error}); {remedy(error)}"
        ) from error
    return target


def write_figures(
    folder: Path, *, format: str = "png", dpi: int = 300, output: Path | None = None
) -> list[Path]:
    """Write the plots and pictures of a run as files, by default into ``figures`` in its folder.

    Raises
    ------
    UsageError
        If the format is none of ``FORMATS``, the resolution no whole number above 0, or Matplotlib
        not installed.
    InputError
        If there is no result of a run.
    OutputError
        If the figures cannot be written.
    """
    if format not in FORMATS:
        raise UsageError(f"format: expected {', '.join(FORMATS)}, got {format}")
    if dpi < 1:
        raise UsageError(f"dpi: expected a whole number, 1 or more, got {dpi}")
    if find_spec("matplotlib") is None:
        raise UsageError(f"figures: need one more package, matplotlib; run: {EXTRA}")
    from stackmend.report import figures

    source = open_result(folder)
    return figures.write(source, output or source.folder / names.FIGURES, format=format, dpi=dpi)
