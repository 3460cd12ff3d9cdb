"""What a search sweeps, and the combination that some values make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stackmend.chain import Parameter
from stackmend.errors import UsageError
from stackmend.protocol import OptimizeEntry, Protocol
from stackmend.sweep import Axis, Combination, Space
from stackmend.words import few

Values = Mapping[Parameter, Any] | Mapping[str, Any]
"""Values of swept parameters by full name: ``("destripe", "sigma")`` or ``"destripe.sigma"``."""


def space_of(protocol: Protocol, entry: OptimizeEntry) -> Space:
    """The swept parameters of an entry."""
    axes: list[Axis] = []
    for step in protocol.variant(entry.alternative):
        for name, sweep in step.sweeps.items() if step.id in entry.steps else ():
            parameter = step.id, name
            axes.append(Axis(parameter, sweep.values, sweep.from_range, sweep.log, sweep.whole))
    return Space(tuple(axes))


def combination_of(
    space: Space, own: Mapping[str, Mapping[str, Any]], values: Values
) -> Combination:
    """A value for each swept parameter: that given, else the step's own, or the first declared.

    Raises
    ------
    UsageError
        If a name is not that of a swept parameter.
    """
    given = {".".join(_pair(name)): value for name, value in values.items()}
    chosen: list[Any] = []
    for axis in space.axes:
        id, name = axis.parameter
        default = own[id].get(name, axis.values[0])
        chosen.append(given.pop(f"{id}.{name}", default))
    if given:
        swept = few(".".join(parameter) for parameter in space.parameters)
        what = f"this search sweeps {swept}, got {few(given)}"
        raise UsageError(f"values: {what}; sweep it in the protocol, or leave it out")
    return tuple(chosen)


def _pair(name: Parameter | str) -> Sequence[str]:
    return name.rsplit(".", 1) if isinstance(name, str) else name
