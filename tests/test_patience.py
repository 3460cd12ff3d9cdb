"""A search along one number that ends where values are no improvement any more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stackmend import api
from stackmend.sweep import Axis, Space, strategy

CURVE = [5.0, 4.0, 4.0, 3.0, 6.0, 7.0, 8.0, 1.0, 9.0]


def walked(losses: list[float | None], stop_after: int) -> tuple[list[int], int]:
    """The places that are evaluated in their order, and in how many rounds."""
    space = Space((Axis(("step", "width"), tuple(range(len(losses)))),))
    by, scored = strategy("patience", stop_after=stop_after), {}
    for turn in range(100):
        found = by.propose(turn, space, scored)
        if not found:
            return [place for (place,) in scored], turn
        scored.update({each: losses[each[0]] for each in found})
    raise AssertionError("it never ends")


def one_by_one(losses: list[float | None], stop_after: int) -> list[int]:
    """What is evaluated by one who stops at once."""
    best, since = None, 0
    for place, loss in enumerate(losses):
        if loss is not None and (best is None or loss < best):
            best, since = loss, 0
        elif best is not None:
            since += 1
        if since == stop_after:
            return list(range(place + 1))
    return list(range(len(losses)))


@pytest.mark.parametrize("stop_after", [1, 2, 3, 4, 20])
@pytest.mark.parametrize("gaps", [(), (0,), (0, 1, 2, 3), (4,), tuple(range(9))])
def test_nothing_is_tried_beyond_where_it_stops(stop_after: int, gaps: tuple[int, ...]) -> None:
    """And no value is passed over that comes before; equal losses are no improvement."""
    losses = [None if place in gaps else loss for place, loss in enumerate(CURVE)]
    assert walked(losses, stop_after)[0] == one_by_one(losses, stop_after)


def protocol(tmp_path: Path, swept: dict, **entry) -> Path:
    content = {
        "protocol": 1,
        "input": {"phantom": {"slices": 2, "height": 96, "width": 96}},
        "output": {"path": "result"},
        "chain": [{"step": "flatten", "method": "gaussian", **swept}],
        "optimize": {"slices": [1], "loss": "flatness", "strategy": "patience", **entry},
    }
    file = tmp_path / "protocol.yaml"
    file.write_text(json.dumps(content))
    return file


SIGMAS = {"sigma": {"sweep": [5, 10, 15, 20, 3, 2, 1.5, 1]}}


def test_a_run_says_where_it_stopped_for_any_number_of_workers(tmp_path: Path) -> None:
    file = protocol(tmp_path, SIGMAS, strategy={"name": "patience", "stop_after": 2})
    folder = api.run(file, workers=1).folder
    one = api.show(folder).record
    two = api.show(api.run(file, workers=2, output=tmp_path / "two").folder).record
    assert one.output.pixel_hash == two.output.pixel_hash
    [search], [other] = one.searches, two.searches
    assert (search.chosen, search.stopped_at) == (other.chosen, other.stopped_at)
    assert search.combinations < 8
    tried = SIGMAS["sigma"]["sweep"][: search.combinations]
    assert search.stopped_at == {"sigma": tried[-1]}
    assert search.stop.endswith("after 2 values without a lower loss")
    assert search.stop in (folder / "report.html").read_text(encoding="utf-8")


def test_the_plan_says_at_most(tmp_path: Path) -> None:
    plan = api.plan(protocol(tmp_path, SIGMAS, strategy={"name": "patience", "stop_after": 2}))
    [search] = plan.searches
    assert (search.combinations, search.at_most) == (3, 8)


def test_it_goes_along_one_number(tmp_path: Path) -> None:
    two = {"sigma": {"sweep": [5, 10]}, "id": "even"}
    file = protocol(tmp_path, two)
    content = json.loads(file.read_text())
    content["chain"].append({"step": "median_z", "radius": {"sweep": [1, 2]}})
    file.write_text(json.dumps(content))
    said = [str(each) for each in api.check(file).draft.problems]
    assert any("patience goes along one swept number" in each for each in said)
