"""The same pixels and the same table for any number of workers, on a cluster, and in shards."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import Main
from kills import contents, facts, write_protocol, write_stack
from stackmend import api
from stackmend.errors import OutputError, Unfinished, UsageError
from stackmend.result.workspace import Workspace
from stackmend.runner.shards import Shard
from stackmend.workers import cluster

OUTPUT = {"masks": True}
OPTIMIZE = {"slices": [3]}
SWEEP = {"sweep": [15, 30]}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scaleout")
    write_stack(folder)
    return folder


@pytest.fixture(scope="module")
def whole(stack: Path) -> api.RunResult:
    """A run with one worker."""
    return api.run(
        write_protocol(stack, OUTPUT, gf2_sigma=SWEEP, optimize=OPTIMIZE),
        output=stack / "whole",
        workers=1,
    )


def same(run: Path, whole: api.RunResult) -> None:
    assert facts(run) == facts(whole.folder)
    assert contents(run) == contents(whole.folder)
    assert (run / "losses.csv").read_bytes() == (whole.folder / "losses.csv").read_bytes()


# Workers of this machine


@pytest.mark.parametrize("workers", [2, 7])
def test_any_number_of_workers(stack: Path, whole: api.RunResult, workers: int) -> None:
    same(
        api.run(stack / "protocol.yaml", output=stack / f"by{workers}", workers=workers).folder,
        whole,
    )


# Shards


def test_shares_are_even_and_complete() -> None:
    for count in range(1, 9):
        for items in (range(0), range(5), range(8), range(100)):
            parts = [list(Shard(number, count).part(items)) for number in range(1, count + 1)]
            assert [item for part in parts for item in part] == list(items)
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    "text",
    ["0/3", "4/3", "2", "a/b", "1/0", "-1/3", "1.5/3", "", "01/03", " 1 / 3 ", "\u0661/\u0663"],
)
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(UsageError, match="must be a part and how many there are, such as 2/5, got"):
        Shard.of(text)


def test_shards_one_after_the_other(stack: Path, whole: api.RunResult) -> None:
    file, output = stack / "protocol.yaml", stack / "shards"
    for number in (2, 1):
        part = api.run(file, output=output, workers=1, shard=f"{number}/3")
        assert part.record is None
    with pytest.raises(
        Unfinished,
        match=r"8 of 24 .* \(16, 17, .*\); shards that have ended: 1/3, 2/3; not yet: 3/3",
    ):
        api.finish(file, output=output, workers=2)
    assert not (output / "stack").exists()
    api.run(file, output=output, workers=2, shard="3/3")
    run = api.finish(file, output=output, workers=2)
    same(output, whole)
    assert run.record is not None
    assert run.record["output"] == whole.record["output"]
    assert [shard["shard"] for shard in run.record["shards"]] == ["2/3", "1/3", "3/3"]
    assert run.record["slices"]["kept_from_earlier"] == 24


def test_shards_at_the_same_time_search_once(stack: Path, whole: api.RunResult) -> None:
    output = stack / "together"
    command = [
        sys.executable,
        "-m",
        "stackmend",
        "run",
        stack / "protocol.yaml",
        "--output",
        output,
        "--workers",
        "1",
    ]
    shards = [
        subprocess.Popen([*command, "--quiet", "--shard", f"{number}/3"]) for number in (1, 2, 3)
    ]
    assert [shard.wait(120) for shard in shards] == [0, 0, 0]
    losses = list((Workspace(output).journal).glob("losses-*.jsonl"))
    assert len(losses) == 1
    subprocess.run([*command[:3], "finish", *command[4:], "--quiet"], check=True)
    same(output, whole)


def test_shards_of_other_work_exclude_each_other(stack: Path) -> None:
    """While one is at work, another of a changed protocol may not clear what it has done."""
    output = stack / "other"
    file = write_protocol(stack, OUTPUT | {"path": "other"}, gf2_sigma=SWEEP, optimize=OPTIMIZE)
    said: list[str] = []

    def meanwhile(kind: str, fields: Any) -> None:
        if kind == "application started" and not said:
            command = [
                sys.executable,
                "-m",
                "stackmend",
                "run",
                file,
                "--shard",
                "2/2",
                "--workers",
                "1",
            ]
            other = subprocess.run(
                [*command, "--set", "correct_charging.border=3"], capture_output=True, text=True
            )
            said.append(other.stderr)
            assert other.returncode == 8
            run = subprocess.run(command[:5], capture_output=True, text=True)
            said.append(run.stderr)
            assert run.returncode == 8

    api.run(file, workers=1, shard="1/2", listener=meanwhile)
    assert (
        "the shards at work here do something else (correct_charging.border was 10, now 3)"
        in said[0]
    )
    assert "another run is writing into this folder" in said[1]
    assert not (output / "stack").exists()
    write_protocol(stack, OUTPUT, gf2_sigma=SWEEP, optimize=OPTIMIZE)


def test_a_shard_does_not_discard_what_others_have_finished(
    stack: Path, whole: api.RunResult
) -> None:
    """Though nobody is at work there any more."""
    output, file = stack / "refused", stack / "protocol.yaml"
    api.run(file, output=output, workers=1, shard="1/2")
    before = sorted(output.rglob("*.tif"))
    with pytest.raises(
        OutputError,
        match=r"12 slices of other work are finished there \(.*border was 10, now 3\)",
    ):
        api.run(file, output=output, workers=1, shard="2/2", set={"correct_charging.border": "3"})
    assert sorted(output.rglob("*.tif")) == before
    # A whole run of other values may: that is said, and nothing is left of the parts.
    run = api.run(file, output=output, workers=1, set={"correct_charging.border": "3"})
    assert run.record is not None
    assert not run.record["shards"]


def test_the_commands_that_shards_print_work_as_printed(
    stack: Path, whole: api.RunResult, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    """From shard to shard, by what each command says: with another stack, folder and value."""
    given = ["--input", stack / "stack", "--output=-my out"]
    given += ["--set", "correct_charging.gf3_sigma=25"]

    def call(*words: object) -> tuple[int, str]:
        status = main(*words)
        return status, capsys.readouterr().err.strip().splitlines()[-1]

    status, said = call("run", stack / "protocol.yaml", *given, "--shard", "3/3", "--workers", 1)
    assert status == 0
    finish = shlex.split(said.partition("when all parts are done: ")[2])
    assert finish[:2] == ["stackmend", "finish"]
    assert main(*finish[1:]) == 10
    said = capsys.readouterr().err
    assert "16 of 24 slices are not done" in said
    assert "shards that have ended: 3/3; not yet: 1/3, 2/3" in said
    part = shlex.split(said.splitlines()[-1].partition("a part is run by: ")[2])
    assert part[-2:] == ["--shard", "I/N"]
    assert call(*part[1:-1], "1/3")[0] == 0

    # What show says leads on as well, and to the end.
    status, said = call("show", "./-my out")
    assert status == 4
    ended = "shards that have ended: 1/3, 3/3; not yet: 2/3"
    assert f"the run there is not joined (16 of 24 slices done; {ended})" in said
    run, _, join = said.partition("run the parts that are missing: ")[2].partition("; then: ")
    assert call(*shlex.split(run)[1:-1], "2/3")[0] == 0
    said = call("show", "./-my out")[1]
    assert "(24 of 24 slices done" in said
    assert said.endswith(f"join its parts: {join}")
    assert main(*shlex.split(join)[1:]) == 0
    assert len(facts(Path("-my out"))) == 24


# A cluster


def test_a_cluster(
    stack: Path, whole: api.RunResult, dask: Callable[[], tuple[str, list[int]]]
) -> None:
    address, _ = dask()
    file, output = stack / "protocol.yaml", stack / "cluster"
    run = api.run(file, output=output, backend="dask", scheduler=address)
    same(run.folder, whole)
    assert run.record is not None
    assert run.record["environment"]["workers"] == 2


def test_shards_on_a_cluster(
    stack: Path, whole: api.RunResult, dask: Callable[[], tuple[str, list[int]]]
) -> None:
    address, _ = dask()
    file, output = stack / "protocol.yaml", stack / "cluster shards"
    for number in (1, 2, 3):
        api.run(file, output=output, backend="dask", scheduler=address, shard=f"{number}/3")
    same(api.finish(file, output=output, workers=2).folder, whole)


def test_a_lost_worker_is_survived(
    stack: Path, whole: api.RunResult, dask: Callable[[], tuple[str, list[int]]]
) -> None:
    address, workers = dask()
    lost: list[int] = []

    def kill(kind: str, _: object) -> None:
        if kind == "slice" and not lost:
            lost.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    run = api.run(
        stack / "protocol.yaml",
        output=stack / "lost",
        backend="dask",
        scheduler=address,
        listener=kill,
    )
    assert lost
    same(run.folder, whole)


def test_an_interrupted_cluster_run_goes_on_without_the_cluster(
    stack: Path, whole: api.RunResult, dask: Callable[[], tuple[str, list[int]]]
) -> None:
    address, _ = dask()
    output = stack / "interrupted"

    def stop(kind: str, _: object) -> None:
        if kind == "slice":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.run(
            stack / "protocol.yaml", output=output, backend="dask", scheduler=address, listener=stop
        )
    same(api.run(stack / "protocol.yaml", output=output, workers=2).folder, whole)


def test_a_worker_with_other_versions_is_refused(
    stack: Path, dask: Callable[[], tuple[str, list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _ = dask()
    ours = cluster.versions_of_workers()
    monkeypatch.setattr(cluster, "versions_of_workers", lambda: {**ours, "numpy": "1.0"})
    with pytest.raises(
        UsageError,
        match=r"the worker tcp://.* has numpy .* instead of 1\.0; .* install the same versions",
    ):
        api.run(
            stack / "protocol.yaml", output=stack / "versions", backend="dask", scheduler=address
        )


def test_a_worker_that_does_not_see_the_files_is_refused(
    stack: Path, dask: Callable[[], tuple[str, list[int]]]
) -> None:
    address, _ = dask()
    with (
        pytest.raises(UsageError, match=r"does not see .*nowhere"),
        cluster.connected(address, [stack / "nowhere"]),
    ):
        pass


def test_a_scheduler_that_is_not_there(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="the cluster needs: pip install 'stackmend[dask]'")
    monkeypatch.setattr(cluster, "SECONDS", 1)
    with pytest.raises(
        UsageError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9 .*; check the address"
    ):
        api.run(
            stack / "protocol.yaml",
            output=stack / "none",
            backend="dask",
            scheduler="tcp://127.0.0.1:9",
        )


def test_a_missing_extra_gives_the_command(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"run: pip install 'stackmend\[dask\]'"):
        api.run(
            stack / "protocol.yaml",
            output=stack / "none",
            backend="dask",
            scheduler="tcp://127.0.0.1:9",
        )


@pytest.mark.parametrize("how", [{"backend": "dask"}, {"scheduler": "tcp://127.0.0.1:9"}])
def test_backend_and_scheduler_go_together(stack: Path, how: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="go together"):
        api.run(stack / "protocol.yaml", output=stack / "none", **how)
