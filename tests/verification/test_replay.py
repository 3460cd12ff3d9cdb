"""``replay``: a run made again from its record is the same, or is said not to be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tifffile

from kills import write_protocol
from stackmend import api
from stackmend.errors import InputError, OutputError, UsageError
from stops import write_small_stack
from tampered import record


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result with a search, in whose place the raw stack may be taken away."""
    folder = tmp_path_factory.mktemp("replay")
    write_small_stack(folder, 3)
    sweep: Any = {"sweep": [15, 30]}
    optimize = {"slices": [0], "validate": [1]}
    file = write_protocol(folder, {}, gf2_sigma=sweep, optimize=optimize)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stackmend.runner.stories.collect", lambda *_: None)
        return api.run(file, workers=1).folder


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stackmend.runner.stories.collect", lambda *_: None)
    monkeypatch.setattr("stackmend.runner.write_report", lambda _: None)


def test_a_replay_is_identical_and_searches_nothing(run: Path, tmp_path: Path) -> None:
    found = api.replay(run, output=tmp_path / "again", workers=1)
    assert found.outcome == "identical"
    again = api.show(tmp_path / "again").record
    assert again.searches == ()
    assert again.output.pixel_hash == api.show(run).record.output.pixel_hash
    assert (tmp_path / "again.yaml").is_file()
    assert found.stack == tmp_path / "again" / "stack"


def test_a_replay_may_search_again(run: Path, tmp_path: Path) -> None:
    found = api.replay(run, output=tmp_path / "again", search_again=True, workers=1)
    assert found.outcome == "identical"
    first, second = (api.show(each).record.searches for each in (run, tmp_path / "again"))
    assert [each.chosen for each in first] == [each.chosen for each in second]


def test_the_folder_beside_is_new_unless_a_replay_was_cut_off(run: Path) -> None:
    names = []
    for _ in range(2):
        names.append(api.replay(run, workers=1).stack.parent.name)
    assert names == ["out-replay", "out-replay-2"]

    def stop(kind: str, _: Any) -> None:
        if kind == "slice":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.replay(run, workers=1, listener=stop)
    heard: list[str] = []
    found = api.replay(run, workers=1, listener=lambda kind, _: heard.append(kind))
    assert found.stack.parent.name == "out-replay-3"
    assert found.outcome == "identical"
    assert "slice kept" in heard


def test_a_stack_that_was_moved_is_given(run: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(run.parent / "stack", tmp_path / "moved"))
    out = Path(shutil.copytree(run, tmp_path / "elsewhere" / "out"))
    found = api.replay(out, input=moved, output=tmp_path / "again", workers=1)
    assert found.outcome == "identical"
    image = tifffile.imread(moved / "s1.tif")
    tifffile.imwrite(moved / "s1.tif", image - 9)
    found = api.replay(out, input=moved, output=tmp_path / "other", workers=1)
    assert found.outcome == "different"
    assert found.worst is not None
    assert (found.worst.slice, found.worst.exact) == (1, True)
    assert found.worst.difference is not None
    assert found.worst.difference > 1


def test_another_machine_may_round_otherwise(run: Path, tmp_path: Path) -> None:
    """What a run elsewhere has left is equivalent; how much it differs is said."""
    other = Path(shutil.copytree(run, tmp_path / "other"))
    image = tifffile.imread(other / "stack" / "s2.tif")
    image[5, 6] += 1
    tifffile.imwrite(other / "stack" / "s2.tif", image)
    record("environment.packages.numpy", "99", other, sealed=True)
    found = api.verify(run, output_of=other)
    assert found.outcome == "equivalent"
    said = "\n".join(map(str, found.findings))
    assert "1 pixel differs, by 1 grey level at most, at y 5, x 6" in said
    assert "made with numpy 99" in said


def test_what_cannot_be_replayed(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is the run itself"):
        api.replay(run, output=run)
    (tmp_path / "again.yaml").write_text("mine")
    with pytest.raises(OutputError, match="there is such a file already"):
        api.replay(run, output=tmp_path / "again")
    assert (tmp_path / "again.yaml").read_text() == "mine"
    with pytest.raises(InputError):
        api.replay(tmp_path)


def test_the_command(
    main: Callable[..., int], run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("replay", run, "--output", "again", "--workers", 1) == 0
    assert "again/stack: identical (3 slices looked at)" in capsys.readouterr().out
    assert main("replay", run, "--output", "json", "--workers", 1, "--json") == 0
    facts = json.loads(capsys.readouterr().out.strip().split("\n")[-1])
    assert (facts["event"], facts["outcome"], facts["status"]) == ("result", "identical", 0)
    moved = Path(shutil.copytree(run.parent / "stack", tmp_path / "moved"))
    tifffile.imwrite(moved / "s1.tif", tifffile.imread(moved / "s1.tif")[::-1])
    assert main("replay", run, "--input", moved, "--output", "other", "--quiet") == 7
    assert "other/stack: different" in capsys.readouterr().out
