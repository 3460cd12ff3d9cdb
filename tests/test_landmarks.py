"""The named points of a search, by their definition."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stackmend.sweep.landmarks import (
    AWAY,
    GLOBAL_MINIMUM,
    HIGHEST,
    LOCAL_MAXIMUM,
    LOCAL_MINIMUM,
    landmarks,
)


def on_a_line(*losses: float | None) -> dict[tuple[Any, ...], float | None]:
    return {(index,): loss for index, loss in enumerate(losses)}


def test_all_four_on_a_line():
    scored = on_a_line(5, 1, 4, 9, 2, 6)
    found = landmarks(scored, (1,))
    assert found == {GLOBAL_MINIMUM: (1,), LOCAL_MINIMUM: (4,), AWAY: (0,), LOCAL_MAXIMUM: (3,)}
    assert list(found) == [GLOBAL_MINIMUM, LOCAL_MINIMUM, AWAY, LOCAL_MAXIMUM]


def test_a_valley_without_another_has_no_local_minimum():
    assert landmarks(on_a_line(1, 2, 3), (0,)) == {
        GLOBAL_MINIMUM: (0,),
        AWAY: (1,),
        LOCAL_MAXIMUM: (2,),
    }


def test_a_terrace_is_no_minimum():
    """A weak comparison with the next neighbour alone would take combination 3."""
    assert LOCAL_MINIMUM not in landmarks(on_a_line(1, 2, 2, 5), (0,))


def test_a_level_counts_as_one_and_its_first_member_is_taken():
    assert landmarks(on_a_line(1, 7, 3, 3, 3, 7), (0,))[LOCAL_MINIMUM] == (2,)


def test_values_count_by_size_not_by_declaration():
    scored = {(10,): 1.0, (50,): 3.0, (2,): 2.0, (20,): 4.0}
    found = landmarks(scored, (10,))
    # 2, 10, 20, 50: the losses are 2, 1, 4, 3
    assert found == {GLOBAL_MINIMUM: (10,), LOCAL_MINIMUM: (50,), AWAY: (2,), LOCAL_MAXIMUM: (20,)}


def test_without_a_value_it_is_no_neighbour():
    assert landmarks(on_a_line(1, None, None, 2, 5), (0,))[LOCAL_MAXIMUM] == (4,)
    assert landmarks({(1,): 1.0}, (1,)) == {GLOBAL_MINIMUM: (1,)}


def test_a_flat_loss_has_nothing_but_its_choice():
    assert landmarks(on_a_line(2, 2, 2), (0,)) == {GLOBAL_MINIMUM: (0,)}


def test_random_samples_have_no_neighbours():
    scored = {(0.1, 5.0): 1.0, (0.2, 3.0): 4.0, (0.7, 1.0): 2.4}
    assert landmarks(scored, (0.1, 5.0)) == {
        GLOBAL_MINIMUM: (0.1, 5.0),
        AWAY: (0.7, 1.0),
        HIGHEST: (0.2, 3.0),
    }


@given(st.lists(st.integers(0, 5), min_size=27, max_size=27))
def test_no_neighbour_of_a_strict_extreme_is_missed(values):
    """Against the definition for levels of one member, by brute force."""
    scored = dict(zip(itertools.product(range(3), repeat=3), map(float, values), strict=True))
    chosen = min(scored, key=scored.__getitem__)
    found = landmarks(scored, chosen)

    def around(each: tuple[int, ...]) -> list[float]:
        return [
            scored[other]
            for other in scored
            if sum(abs(a - b) for a, b in zip(each, other, strict=True)) == 1
        ]

    strict = [each for each in scored if min(around(each)) > scored[each] > scored[chosen]]
    if strict:
        assert scored[found[LOCAL_MINIMUM]] <= min(scored[each] for each in strict)
    if LOCAL_MINIMUM in found:
        assert min(around(found[LOCAL_MINIMUM])) >= scored[found[LOCAL_MINIMUM]]
    if LOCAL_MAXIMUM in found:
        assert max(around(found[LOCAL_MAXIMUM])) <= scored[found[LOCAL_MAXIMUM]]
