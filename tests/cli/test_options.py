"""Options that are none."""

from __future__ import annotations

import pytest

from commands import (
    Main,
)


@pytest.mark.parametrize("workers", ["0", "-1", "two", "1.5"])
def test_a_number_of_workers_that_is_none(
    main: Main, capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main("run", "tiny.yaml", "--workers", workers)
    assert caught.value.code == 2
    assert f"must be a whole number, 1 or more, got {workers}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["gf1_sigma", "=40", ""])
def test_an_assignment_that_is_none(
    main: Main, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main("run", "tiny.yaml", "--set", text)
    assert caught.value.code == 2
    assert "must be KEY=VALUE" in capsys.readouterr().err


def test_figures_finer_than_anything_prints(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main("figures", "result", "--dpi", 100000)
    assert "argument --dpi: must be 2400 or less, got 100000" in capsys.readouterr().err
