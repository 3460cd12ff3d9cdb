"""How a search gets from the declared values to the combinations it evaluates.

A strategy proposes combinations in rounds, knowing the mean losses of all earlier ones, until it
has no more. It is deterministic: its proposals depend on the space, its options and those losses
alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from stackmend.sweep.space import Axis, Combination, Space

Scored = Mapping[Combination, float | None]
"""The mean loss of every combination evaluated so far; ``None`` where it has no value."""


class Strategy(Protocol):
    """Proposes what is evaluated next."""

    def propose(self, turn: int, space: Space, scored: Scored) -> Sequence[Combination]:
        """New combinations for a turn (from 0), in the order that breaks ties; none at the end."""

    def at_most(self, space: Space) -> int:
        """How many combinations it can propose in all."""


class Grid:
    """Every combination of the declared values."""

    def at_most(self, space: Space) -> int:
        """What can be proposed in all rounds."""
        return len(space)

    def propose(self, turn: int, space: Space, scored: Scored) -> Sequence[Combination]:
        """The grid, once."""
        return [] if turn else list(space.grid())


class Refine:
    """The grid, then again and again the middles between the best combination and its neighbours.

    Each round halves the distance to the nearest values tried on either side of the best one.
    ``rounds`` and ``budget`` (in combinations beyond the grid) end it.
    """

    def __init__(self, rounds: int, budget: int) -> None:
        self.rounds, self.budget = rounds, budget

    def at_most(self, space: Space) -> int:
        """What can be proposed in all rounds."""
        return len(space) + (self.budget if self.rounds else 0)

    def propose(self, turn: int, space: Space, scored: Scored) -> Sequence[Combination]:
        """The grid, then middles around the best one, those with fewest changes first."""
        if not turn:
            return list(space.grid())
        losses = {each: loss for each, loss in scored.items() if loss is not None}
        if turn > self.rounds or not losses:
            return []
        best = min(losses, key=losses.__getitem__)
        candidates = [
            (value, *_middles(axis, sorted({each[position] for each in scored}), value))
            if axis.numeric
            else (value,)
            for position, (axis, value) in enumerate(zip(space.axes, best, strict=True))
        ]
        around = [each for each in itertools.product(*candidates) if each not in scored]
        around.sort(key=lambda each: sum(a != b for a, b in zip(each, best, strict=True)))
        return around[: max(self.budget + len(space) - len(scored), 0)]


def _middles(axis: Axis, tried: Sequence[Any], value: Any) -> list[Any]:
    """Values half-way between one that was tried and those tried next to it."""
    place = tried.index(value)
    neighbours = [*tried[max(place - 1, 0) : place], *tried[place + 1 : place + 2]]
    middles = []
    for other in neighbours:
        middle = math.sqrt(value * other) if axis.log else (value + other) / 2
        middle = round(middle) if axis.whole else _short(middle)
        if middle not in (value, other):
            middles.append(middle)
    return middles


class Sample:
    """``count`` seeded random combinations: any number within a range, any value of a list."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed

    def at_most(self, space: Space) -> int:
        """What can be proposed in all rounds."""
        return self.count

    def propose(self, turn: int, space: Space, scored: Scored) -> Sequence[Combination]:
        """All of them, once; a combination drawn twice counts once."""
        if turn:
            return []
        generator = np.random.Generator(np.random.PCG64(self.seed))
        drawn = (tuple(_draw(axis, generator) for axis in space.axes) for _ in range(self.count))
        return list(dict.fromkeys(drawn))


def _draw(axis: Axis, generator: np.random.Generator) -> Any:
    if not axis.from_range:
        return axis.values[int(generator.integers(len(axis.values)))]
    low, high = min(axis.values), max(axis.values)
    if axis.whole and not axis.log:
        return int(generator.integers(low, high, endpoint=True))
    share = generator.random()
    value = low * (high / low) ** share if axis.log else low + (high - low) * share
    return round(value) if axis.whole else _short(value)


def _short(value: float) -> float:
    """Six digits say all that a parameter needs, and can be copied into a protocol."""
    return float(f"{value:.6g}")


class Optuna:
    """``count`` combinations proposed by Optuna's Parzen estimator, in rounds of ``batch``.

    The rounds share their work like a grid does; their size is fixed, so that the number of workers
    cannot matter. Needs the package optuna.
    """

    def __init__(self, count: int, seed: int, batch: int) -> None:
        self.count, self.seed, self.batch = count, seed, batch

    def at_most(self, space: Space) -> int:
        """What can be proposed in all rounds."""
        return self.count

    def propose(self, turn: int, space: Space, scored: Scored) -> Sequence[Combination]:
        """The next round; combinations that were evaluated before are not evaluated again."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=self.seed, constant_liar=True)
        study = optuna.create_study(sampler=sampler)
        names = [f"{id}.{name}" for id, name in space.parameters]
        choices = {
            name: _distribution(axis, optuna) for name, axis in zip(names, space.axes, strict=True)
        }
        # The study is made anew from the losses each time: nothing but them decides, also after an
        # interruption.
        for each, loss in scored.items():
            parameters = dict(zip(names, each, strict=True))
            state = (
                optuna.trial.TrialState.COMPLETE
                if loss is not None
                else optuna.trial.TrialState.FAIL
            )
            known = optuna.trial.create_trial(
                params=parameters, distributions=choices, value=loss, state=state
            )
            study.add_trial(known)
        proposed: dict[Combination, None] = {}
        for _ in range(10 * self.batch):
            if len(proposed) == min(self.batch, self.count - len(scored)):
                break
            trial = study.ask(choices)
            values = tuple(trial.params[name] for name in names)
            values = tuple(_short(value) if isinstance(value, float) else value for value in values)
            if values not in scored:
                proposed[values] = None
        return list(proposed)


class Patience:
    """One parameter in the order of its values, until ``stop_after`` in a row are no improvement.

    So many are proposed at a time as must be evaluated in any case: nothing beyond the value at
    which it stops ever is. What has no loss, or is out, is no improvement; before anything has a
    loss there is none to be improved.
    """

    def __init__(self, stop_after: int) -> None:
        self.stop_after = stop_after

    def at_most(self, space: Space) -> int:
        """What can be proposed in all rounds."""
        return len(space)

    def propose(self, turn: int, space: Space, scored: Scored) -> Sequence[Combination]:
        """The next values, as far as the best one so far has not been the best for long enough."""
        every = list(space.grid())
        losses = {each: loss for each, loss in scored.items() if loss is not None}
        last_gain = len(scored)
        if losses:
            last_gain = every.index(min(losses, key=losses.__getitem__))
        return every[len(scored) : last_gain + 1 + self.stop_after]


def _distribution(axis: Axis, optuna: Any) -> Any:
    if not axis.from_range:
        return optuna.distributions.CategoricalDistribution(axis.values)
    low, high = min(axis.values), max(axis.values)
    kind = (
        optuna.distributions.IntDistribution
        if axis.whole
        else optuna.distributions.FloatDistribution
    )
    return kind(low, high, log=axis.log)


STRATEGIES: dict[str, type[Strategy]] = {
    "grid": Grid,
    "refine": Refine,
    "sample": Sample,
    "optuna": Optuna,
    "patience": Patience,
}
"""Every strategy, by the name it has in a protocol."""


def strategy(name: str, **options: Any) -> Strategy:
    """A strategy by its name in a protocol, with its options."""
    return STRATEGIES[name](**options)
