"""Which versions are part of the identity of work, and which are only recorded."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from stackmend import api
from stackmend.result import environment
from stackmend.result.journal import Journal

OTHERS = ["stackmend", "scikit-image", "tifffile", "joblib", "jsonschema", "pyyaml"]


def upgrade(patch: pytest.MonkeyPatch, *names: str) -> None:
    """Let some packages have another version from now on."""
    real = metadata.version
    patch.setattr(metadata, "version", lambda name: "99.0" if name in names else real(name))


def test_upgrading_what_moves_no_pixel_keeps_slices_and_losses(
    cell: Path, protocol: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = api.run(protocol(), workers=1)
    losses: list[object] = []
    monkeypatch.setattr(Journal, "enter_loss", lambda _, *line: losses.append(line))
    with monkeypatch.context() as patch:
        upgrade(patch, *OTHERS)
        again = api.run(protocol(), workers=1)
        assert (again.changed, again.record, losses) == (False, first.record, [])
        # Another output type: every slice anew, and no loss.
        other = api.run(protocol(output={"path": "result", "dtype": "float32"}), workers=1)
        assert other.record["environment"]["packages"]["pyyaml"] == "99.0"
        assert losses == []


@pytest.mark.parametrize("name", environment.MOVING_PIXELS)
def test_upgrading_what_moves_pixels_makes_all_anew(
    cell: Path, protocol: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    chain = [{"step": "standardize"}, {"step": "destandardize"}]
    api.run(protocol(optimize=None, chain=chain), workers=1)
    upgrade(monkeypatch, name)
    notes: list[str] = []
    api.run(
        protocol(optimize=None, chain=chain),
        workers=1,
        listener=lambda kind, fields: notes.append(fields["message"]) if kind == "note" else None,
    )
    assert any(f"{name} was " in note and "99.0" in note for note in notes)


def test_the_record_has_all_of_them() -> None:
    assert {*OTHERS, *environment.MOVING_PIXELS} == set(environment.environment(1)["packages"])
    assert set(environment.versions_of_workers()) == {
        "python",
        "stackmend",
        *environment.MOVING_PIXELS,
    }
