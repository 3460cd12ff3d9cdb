"""What a person sees of a run: phases, lines, events for programs, and the summary."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from rich.console import Console

from conftest import OPTIMIZE
from stackmend import api
from stackmend.cli.terminal.events import JsonLines, event_text
from stackmend.cli.terminal.phases import Phase
from stackmend.cli.terminal.progress import Bars, PlainLines, layout
from stackmend.words import duration, figure

Write = Callable[..., Path]
Main = Callable[..., int]


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def progress(phase: str, done: int, total: int, **more: Any) -> dict[str, Any]:
    return {"phase": phase, "done": done, "total": total, **more}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.00 s"), (0.54, "0.54 s"), (0.999, "1.0 s"), (4.24, "4.2 s"), (9.97, "10 s"), (59.7, "1 min 0 s"),
     (200, "3 min 20 s"), (3599.8, "1 h 0 min"), (4320, "1 h 12 min"), (108300, "30 h 5 min")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.012"), (3.42, "3.4"), (9.96, "10"), (148.3, "148")]
)
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text
    assert figure(1234567.0) == "1 234 567"


def test_rate_and_time_left_leave_out_what_was_kept() -> None:
    phase = Phase(progress("apply", 0, 100, megapixels=2.0), 0.0)
    assert (phase.rate(), phase.left(0.0)) == (None, None)
    for done in range(1, 41):  # an earlier run has finished these
        phase.keep()
        phase.update(progress("apply", done, 100), 1.0)
    assert (phase.rate(), phase.left(1.0)) == (None, None)
    for second in range(1, 11):
        phase.update(progress("apply", 40 + 2 * second, 100), 1.0 + second)
    assert phase.rate() == phase.rate(whole=True) == 2
    assert phase.left(11.0) == 20
    assert phase.left(14.0) == 17  # it goes on while a slice is awaited
    assert phase.rates() == ["2 slices/s", "4 MP/s"]
    assert "stopped at 60 of 100 slices, 40 of them kept" in phase.outcome()


def test_a_slow_start_is_forgotten() -> None:
    phase = Phase(progress("apply", 0, 1000), 0.0)
    for second in range(100, 150):
        phase.update(progress("apply", second - 99, 1000), float(second))
    assert phase.rate() == 1
    assert phase.rate(whole=True) == pytest.approx(50 / 149)


@pytest.mark.parametrize("width", [20, 37, 60, 97, 200])
@pytest.mark.parametrize("name", ["apply", "search", "survey", "a_phase_of_tomorrow"])
def test_the_line_of_a_phase_fits(width: int, name: str) -> None:
    phase = Phase(progress(name, 0, 2000, megapixels=7.0), 0.0)
    for second in range(1, 60):
        phase.update(progress(name, 10 * second, 2000), float(second))
    label, bar, facts = layout(phase, 60.0, width)
    assert len(label) + 2 + bar + 2 + len(facts) <= width
    assert bar % 8 == 0
    assert facts.startswith("590 of 2000")
    assert ("left" in facts) is (width >= 60)
    assert ("MP/s" in facts) is (width >= 97)


def test_bars_leave_one_line_for_each_phase() -> None:
    clock, screen = Clock(), io.StringIO()
    console = Console(file=screen, force_terminal=True, width=90, color_system=None)
    with Bars(console, verbose=False, clock=clock) as bars:
        for number, phase in enumerate(["search", "search", "a_phase_of_tomorrow"]):
            for done in range(5):
                clock.now = 10.0 * number + done
                bars("progress", progress(phase, done, 4, unit="things"))
        bars("warning", {"message": "mind the \x1b[31mgap"})
    shown = screen.getvalue()
    assert shown.count("searching: 4 things, 4.0 s, 1 things/s") == 2
    assert "a phase of tomorrow: 4 things, 4.0 s, 1 things/s" in shown
    assert "stackmend: warning: mind the  [31mgap" in shown
    assert shown.rstrip().endswith("\x1b[?25h")  # the cursor is there again


def test_plain_lines_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = PlainLines(verbose=False, clock=clock)
    for done in range(1001):  # quick: only the beginning is said
        clock.now = done / 1000
        lines("progress", progress("search", done, 1000))
    assert capsys.readouterr().err == "stackmend: searching, 1000 combinations\n"
    for done in range(1001):  # an hour
        clock.now = 10 + 3.6 * done
        lines("progress", progress("apply", done, 1000))
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "stackmend: restoring, 1000 slices"
    assert len(shown) == 10
    assert shown[5] == "stackmend: restoring, 500 of 1000, 30 min 0 s left, 0.28 slices/s"


def test_events_for_programs_are_throttled(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = JsonLines(clock)
    for done in range(1001):
        clock.now = done / 100
        lines("progress", progress("apply", done, 1000))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(events) == 12
    assert [events[0]["done"], events[-1]["done"]] == [0, 1000]
    assert all({"event", "time", "phase", "total"} <= event.keys() for event in events)


def test_verbose_describes_what_it_does_not_know() -> None:
    assert (
        event_text("moon rises", {"phase": "full\x07"}, verbose=True)
        == "moon rises: phase full\x07"
    )
    assert event_text("moon rises", {}, verbose=False) is None


# From outside


def test_json(cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    (cell / "Thumbs.db").touch()
    assert main("run", protocol(), "--workers", 1, "--json") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    events = [json.loads(line) for line in captured.out.splitlines()]
    kinds = {event["event"] for event in events}
    assert {"started", "note", "progress", "search finished", "chosen", "slice", "result"} <= kinds
    result = events[-1]
    assert (result["event"], result["folder"], result["stack"]) == (
        "result",
        "result",
        [str(Path("result/stack"))],
    )
    assert result["slices"]["count"] == 4
    assert sum(result["slices"]["status"].values()) == 4


def test_json_of_a_failure(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("run", protocol(), "--json", "--set", "find_charging.color_shift=0.99") == 6
    captured = capsys.readouterr()
    error = json.loads(captured.out.splitlines()[-1])
    assert (error["event"], error["status"], error["class"]) == ("error", 6, "NothingFound")
    assert captured.err == f"stackmend: {error['message']}\n"
    assert main("run", protocol(chain=[{"step": "standardise"}]), "--json") == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert "did you mean standardize?" in json.loads(line)["problems"][0]["message"]


def test_a_reader_that_goes_away_does_not_stop_the_run(
    cell: Path, protocol: Write, shell: Any, tmp_path: Path
) -> None:
    protocol()
    process: subprocess.Popen[str] = shell("run", "tiny.yaml", "--json", "--workers", 1)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 0
    assert (tmp_path / "result" / "run.json").is_file()


@pytest.mark.parametrize(
    "pair", [("--quiet", "--verbose"), ("--quiet", "--json"), ("--verbose", "--json")]
)
def test_one_way_of_showing_at_a_time(
    main: Main, capsys: pytest.CaptureFixture[str], pair: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main("run", "tiny.yaml", *pair)
    assert caught.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_verbose_names_every_slice(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("run", protocol(), "--workers", 1, "--verbose") == 0
    shown = capsys.readouterr().err
    assert all(f"slice {number} (slice{number}.tif): restored, " in shown for number in range(4))
    assert "distinct work: " in shown


def test_the_command_to_continue_is_quoted(
    cell: Path,
    protocol: Write,
    main: Main,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "run", interrupted)
    assert main("run", protocol(), "--output", "my out") == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("stackmend: interrupted; continue with: stackmend run ")
    assert last.endswith("--output 'my out'")


# The summary


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
            "is a record of format 99, this stackmend knows 1; use the stackmend that made it, or a newer one",
        ),
        ('{"record": 1}', "is not as a run writes it (KeyError: 'slices'); run the protocol again"),
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
    (tmp_path / "out" / "slices.csv").write_text("slice,charged_area,changed_fraction,status\n")
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


def test_the_loss_before_correction_is_that_of_the_uncorrected_slice(
    cell: Path, protocol: Write
) -> None:
    """By the letter: standardise, find with the chosen values, and hand the loss the slice as it then is."""
    from stackmend.chain import Bound, compile_chain
    from stackmend.losses.charging_histogram import charged_regions, loss
    from stackmend.registry import IMAGE, losses, steps
    from stackmend.stacks import open_stack

    record = api.run(
        protocol(optimize={"slices": [0, 1], "loss": {"name": "charging_histogram", "distance": 4}})
    ).record
    search, expected = record["searches"][0], []
    chain = [
        Bound(
            steps().get(step["step"]),
            step["id"],
            {n: p["value"] for n, p in step["parameters"].items()},
        )
        for step in record["chain"][:2]
    ]
    assert losses().get("charging_histogram").version == search["loss_version"]
    for number in (0, 1):
        image = open_stack(cell)[0].read(number).astype(np.float32)
        products = compile_chain(chain, given=(IMAGE, *_given(chain))).evaluate(
            {IMAGE: image} | _given(chain)
        )
        options = search["loss_parameters"]
        regions = charged_regions(products["charging_mask"], **options)
        expected.append(loss(products[IMAGE], regions))
    assert search["loss_before"] == pytest.approx(np.mean(expected), rel=1e-12)
    assert search["loss_before"] != search["loss_of_choice"]
    assert search["loss_of_choice"] <= search["loss_median"]


def _given(chain: Any) -> dict[str, None]:
    return {bound.survey_product: None for bound in chain if bound.survey_product}


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
