"""``stackmend show``: the summary of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from commands import (
    Main,
    Write,
    one_line,
)
from conftest import OPTIMIZE
from stackmend import api


def test_show_prints_the_same_summary(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("run", protocol(), "--workers", 1) == 0
    first = capsys.readouterr().out
    for place in ("result", "result/run.json"):
        assert main("show", place) == 0
        assert capsys.readouterr().out == first


def test_show_breaks_lines_and_obeys_nothing(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main("run", protocol(), "--workers", 1, "--quiet") == 0
    file = tmp_path / "result" / "run.json"
    record = json.loads(file.read_text())
    record["warnings"] = ["\x1b[2Jlook " + 40 * "here "]
    for later in ("loss_before", "loss_median"):
        del record["searches"][0][later]
    file.write_text(json.dumps(record))
    assert main("show", "result") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "before correction" not in out
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no record of a run"),
        ("[]", "is no record of a run; give the output folder of stackmend run"),
        (
            '{"record": 99}',
            "is a record of format 99, this stackmend knows 1; "
            "use the stackmend that made it, or a newer one",
        ),
        ('{"record": 1}', "run.json: is damaged: name is missing; run the protocol again"),
        (
            None,
            "there is no result of a run (no run.json); give the output folder of stackmend run",
        ),
    ],
)
def test_show_of_what_is_no_record(
    main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | None, said: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "slices.csv").write_text("slice,mask_area,changed_fraction,status\n")
    if content is not None:
        (tmp_path / "out" / "run.json").write_text(content)
    assert main("show", "out") == 4
    assert said in capsys.readouterr().err
    assert main("show", "nowhere") == 4
    assert "nowhere: there is no such folder" in capsys.readouterr().err


def test_show_of_an_unfinished_run(
    cell: Path,
    protocol: Write,
    main: Main,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(kind: str, fields: Any) -> None:
        if kind == "slice" and fields["slice"] == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.argv", ["/bin/stackmend", "run", "tiny.yaml", "--output", "my out"])
    with pytest.raises(KeyboardInterrupt):
        api.run(protocol(), output="my out", workers=1, listener=stop)
    assert main("show", "my out") == 4
    said = capsys.readouterr().err
    assert "the run there is not finished (2 of 4 slices done)" in said
    assert said.rstrip().endswith("continue with: stackmend run tiny.yaml --output 'my out'")


def test_the_summary_tells_channels_apart(
    tmp_path: Path, charged: Any, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = np.stack((charged(4), charged(4, seed=2)), axis=1)
    tifffile.imwrite(tmp_path / "cell.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    optimize = {**OPTIMIZE, "channel": "each"}
    assert main("run", protocol(input={"path": "cell.tif"}, optimize=optimize), "--workers", 1) == 0
    out = capsys.readouterr().out
    assert "cell.tif: 2 channels of 4 x 48 x 64 uint8" in out
    assert "on slice 1 of channel 0, lowest of 4" in out
    assert "on slice 1 of channel 1, lowest of 4" in out


@pytest.mark.parametrize("verb", ["show", "report", "figures"])
def test_a_name_longer_than_any(verb: str, main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(verb, "x" * 300) == 4
    assert one_line(capsys.readouterr().err).endswith("check the path and its permissions")
