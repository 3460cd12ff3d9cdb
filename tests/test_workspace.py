"""The result folder: old or new, never a mixture, and nothing touched that is not a run's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from components import load
from stackmend.errors import OutputError
from stackmend.result.suitable import hindrance, objection
from stackmend.result.workspace import Workspace

Snapshot = dict[str, str]
Write = Callable[..., Path]

OLD: Snapshot = {
    "run.json": '{"record": 1}',
    "slices.csv": "old",
    "stack/1.tif": "old",
    "stack/2.tif": "old",
}
OLD |= {"truth.tif": "old", "report.html": "old"}
NEW: Snapshot = {
    "run.json": '{"record": 2}',
    "slices.csv": "new",
    "stack/1.tif": "new",
    "losses.csv": "new",
}
FOREIGN: Snapshot = {"notes.txt": "mine", "figures/1.png": "mine"}


class Crash(BaseException):
    """The end of the process, as far as the code can tell."""


def put(folder: Path, files: Snapshot) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def contents(folder: Path) -> Snapshot:
    """Every file below a folder, but for those of the place of work."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    names = {file.relative_to(folder).as_posix(): file for file in files}
    return {
        name: file.read_text() for name, file in names.items() if not name.startswith(".stackmend/")
    }


def opened(folder: Path) -> Workspace:
    workspace = Workspace(folder)
    workspace.open()
    return workspace


@pytest.fixture
def problems(protocol: Write) -> Callable[..., list[str]]:
    """What stands against an output folder."""

    def find(folder: Path, needed: int = 0, source: Path | None = None) -> list[str]:
        checked = load(protocol(), input=source, output=folder)
        assert checked.output.path is not None
        folder = checked.output.path
        found = (objection(folder, checked.input.path), hindrance(folder, needed))
        return [text for text in found if text]

    return find


def test_a_first_result(tmp_path: Path) -> None:
    workspace = opened(tmp_path / "deep" / "result")
    put(workspace.partial, NEW)
    workspace.publish()
    assert contents(tmp_path) == {f"deep/result/{name}": text for name, text in NEW.items()}
    assert not (tmp_path / "deep" / "result" / ".stackmend").exists()


def test_a_new_result_replaces_all_of_the_old_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, OLD | FOREIGN)
    workspace = opened(tmp_path)
    put(workspace.partial, NEW)
    assert contents(tmp_path) == OLD | FOREIGN
    workspace.publish()
    assert contents(tmp_path) == NEW | FOREIGN


def test_what_an_unfinished_run_left_is_kept_until_it_is_cleared_away(tmp_path: Path) -> None:
    put(opened(tmp_path).partial, NEW)
    half_written = opened(tmp_path).partial / "stack" / ".s1.tif.part"
    half_written.touch()
    workspace = opened(tmp_path)
    assert contents(workspace.partial) == NEW
    assert not half_written.exists()
    workspace.clear()
    assert not (workspace.partial / "stack").exists()


@pytest.mark.parametrize("before", [OLD, {}], ids=["over an earlier result", "first"])
@pytest.mark.parametrize("operation", ["replace", "rmdir", "mkdir", "unlink", "rmtree"])
@pytest.mark.parametrize("lasting", [True, False], ids=["dead", "once"])
@pytest.mark.parametrize("error", [Crash, OSError])
def test_a_publication_cut_off_anywhere_leaves_old_or_new(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: Snapshot,
    operation: str,
    lasting: bool,
    error: type[BaseException],
) -> None:
    """At the k-th file operation, for all k, with or without a chance to clean up."""
    owner: object = shutil if operation == "rmtree" else Path
    genuine = getattr(owner, operation)
    outcomes = []
    for k in range(1, 100):
        folder = tmp_path / str(k)
        put(folder, before | FOREIGN)
        workspace = opened(folder)
        put(workspace.partial, NEW)
        calls = 0

        def fail(*arguments: object, **how: object) -> object:
            nonlocal calls
            calls += 1
            # It is called only within this turn of the loop.
            if calls == k or (lasting and calls > k):  # noqa: B023 - see above
                raise error(5, "Input/output error")
            return genuine(*arguments, **how)

        with monkeypatch.context() as patch:
            patch.setattr(owner, operation, fail)
            try:
                workspace.publish()
            except (Crash, OutputError):
                pass
            else:
                assert calls < k
        again = opened(folder)
        outcome = contents(folder)
        assert outcome in (before | FOREIGN, NEW | FOREIGN)
        outcomes.append(outcome == NEW | FOREIGN)
        put(again.partial, NEW)
        again.publish()
        assert contents(folder) == NEW | FOREIGN
        assert not (folder / ".stackmend").exists()
        if calls < k:
            break
    assert outcomes[-1]
    assert outcomes == sorted(outcomes)  # once the new result is there it stays


def test_a_failed_publication_brings_the_old_result_back_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, OLD)
    workspace = opened(tmp_path)
    put(workspace.partial, NEW)
    replace = Path.replace

    def in_use(path: Path, target: Path) -> Path:
        if path.name == "stack":
            raise PermissionError(13, "Permission denied")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", in_use)
    with pytest.raises(OutputError, match="cannot be put in place"):
        workspace.publish()
    assert contents(tmp_path) == OLD


def test_links_are_replaced_and_not_followed(tmp_path: Path) -> None:
    raw, result = tmp_path / "raw", tmp_path / "result"
    put(raw, {"1.tif": "raw"})
    put(result, {"run.json": '{"record": 1}'})
    (result / "stack").symlink_to(raw)
    (result / "truth").symlink_to(tmp_path / "nowhere")
    workspace = opened(result)
    workspace.partial.rmdir()
    workspace.partial.symlink_to(raw)
    workspace = opened(result)
    put(workspace.partial, NEW)
    workspace.publish()
    assert contents(result) == NEW
    assert contents(raw) == {"1.tif": "raw"}


def test_nothing_is_written_to_find_problems(
    tmp_path: Path, problems: Callable[..., list[str]]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in (tmp_path, *tmp_path.rglob("*"))}
    assert problems(tmp_path / "result" / "deep") == []
    after = {path: path.stat().st_mtime_ns for path in before if path != tmp_path}
    assert after == {path: time for path, time in before.items() if path != tmp_path}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.yaml"]


@pytest.mark.parametrize("name", ["notes.txt", "run.json", "stack/1.tif", ".partial/x"])
def test_a_folder_with_foreign_files_is_refused(
    tmp_path: Path, problems: Callable[..., list[str]], name: str
) -> None:
    put(tmp_path / "result", {name: "{}"})
    (message,) = problems(tmp_path / "result")
    first = name.split("/")[0]
    said = f"holds files that are no result of a run ({first}); choose a new or empty folder"
    assert said in message


@pytest.mark.parametrize("left", [{}, OLD, OLD | FOREIGN, {".DS_Store": "", "Thumbs.db": ""}])
def test_a_folder_that_may_be_used(
    tmp_path: Path, problems: Callable[..., list[str]], left: Snapshot
) -> None:
    (tmp_path / "result").mkdir()
    put(tmp_path / "result", left)
    assert problems(tmp_path / "result") == []


def test_the_remains_of_an_unfinished_first_run_may_be_used(
    tmp_path: Path, problems: Callable[..., list[str]]
) -> None:
    opened(tmp_path / "result")
    assert problems(tmp_path / "result") == []


@pytest.mark.parametrize(
    "name", ["stack/Results.csv", "stack/segmented/1.tif", "truth/notes.txt", "stack.zarr/labels/1"]
)
def test_what_a_person_has_put_into_the_old_stack_is_not_deleted(
    tmp_path: Path, problems: Callable[..., list[str]], name: str
) -> None:
    put(tmp_path / "result", OLD | {"stack/.DS_Store": ""})
    assert problems(tmp_path / "result") == []
    (tmp_path / "result" / "truth.tif").unlink()
    put(tmp_path / "result", {name: "mine"})
    (message,) = problems(tmp_path / "result")
    kept = tmp_path / "result" / "/".join(name.split("/")[:2])
    assert message == f"{kept} would be deleted with the earlier result; move it away first"


def test_a_file_in_the_way(tmp_path: Path, problems: Callable[..., list[str]]) -> None:
    (tmp_path / "result").touch()
    for folder in (tmp_path / "result", tmp_path / "result" / "deep" / "er"):
        assert problems(folder) == [
            f"{tmp_path / 'result'} is a file; choose a folder for the results"
        ]


def test_a_disk_that_is_too_small(tmp_path: Path, problems: Callable[..., list[str]]) -> None:
    (message,) = problems(tmp_path / "result", 10**18)
    assert message.startswith(f"what is to be written takes 1000000000 GB, {tmp_path} has ")


def test_no_permission(
    tmp_path: Path, problems: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    assert problems(tmp_path / "result") == [
        f"{tmp_path} cannot be written to; choose another folder"
    ]


def test_a_folder_that_cannot_be_looked_into(
    tmp_path: Path, problems: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "result").mkdir()
    monkeypatch.setattr(Path, "iterdir", refuse)
    (message,) = problems(tmp_path / "result")
    assert "result cannot be looked into (Permission denied)" in message


@pytest.mark.parametrize("inside", ["stack/good", ".stackmend/partial/stack"])
def test_an_input_among_what_would_be_replaced_is_refused(
    tmp_path: Path, problems: Callable[..., list[str]], inside: str
) -> None:
    put(tmp_path / "result", {"run.json": '{"record": 1}', f"{inside}/1.tif": ""})
    messages = problems(tmp_path / "result", source=tmp_path / "result" / inside)
    assert len(messages) == 1
    assert "would" in messages[0]


def test_the_stack_of_one_result_is_an_input_for_another(
    tmp_path: Path, problems: Callable[..., list[str]]
) -> None:
    put(tmp_path / "first", OLD)
    assert problems(tmp_path / "second", source=tmp_path / "first" / "stack") == []
    assert problems(tmp_path / "first" / "second", source=tmp_path / "first" / "stack") == []


def test_a_result_in_the_stack_of_another_result_is_refused(
    tmp_path: Path, problems: Callable[..., list[str]]
) -> None:
    put(tmp_path / "first", OLD)
    (message,) = problems(tmp_path / "first" / "stack" / "again")
    stack = tmp_path / "first" / "stack"
    assert message == f"{stack} belongs to the result of another run; choose another folder"
    put(tmp_path / "stack", {"1.tif": ""})
    assert problems(tmp_path / "stack" / "again") == []


def test_an_output_that_holds_the_input_and_other_data_is_refused(
    tmp_path: Path, problems: Callable[..., list[str]]
) -> None:
    put(tmp_path / "data", {"cell3/1.tif": ""})
    assert (
        "no result of a run (cell3)"
        in problems(tmp_path / "data", source=tmp_path / "data" / "cell3")[0]
    )


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be prepared"):
        Workspace(tmp_path / "file" / "result").open()


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    hold = f"""
from pathlib import Path
from stackmend.result.suitable import hindrance, objection
from stackmend.result.workspace import Workspace
Workspace(Path({str(tmp_path)!r})).open()
print("open", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(
            OutputError, match="another run is writing into this folder; wait for it"
        ):
            Workspace(tmp_path).open()
        other.kill()
    opened(tmp_path).publish()


def test_a_file_system_without_locks_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("stackmend.result.locks._lock", no_locks)
    workspace = opened(tmp_path)
    put(workspace.partial, NEW)
    workspace.publish()
    assert contents(tmp_path) == NEW


def test_a_record_of_something_else_is_not_ours(
    tmp_path: Path, problems: Callable[..., list[str]]
) -> None:
    put(tmp_path / "result", {"run.json": json.dumps({"experiment": 12}), "stack/raw.tif": "raw"})
    assert "no result of a run" in problems(tmp_path / "result")[0]
