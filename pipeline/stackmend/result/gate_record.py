"""What is recorded of a limit that a protocol sets, and its words."""

from __future__ import annotations

from typing import TypedDict


class GateRecord(TypedDict):
    """A limit of the protocol, and what was measured at the worst slice; ``None`` if nothing."""

    gate: str
    limit: float
    value: float | None
    slice: int | None
    channel: int | None


def fails(gate: GateRecord) -> bool:
    """Whether the limit is exceeded."""
    return gate["value"] is not None and gate["value"] > gate["limit"]


def gate_text(gate: GateRecord) -> str:
    """A gate in words."""
    if gate["value"] is None:
        return f"{gate['gate']} could not be measured, {gate['limit']:.4g} allowed"
    where = f"slice {gate['slice']}" + (f" of channel {gate['channel']}" if gate["channel"] else "")
    return f"{gate['gate']} is {gate['value']:.4g} (worst {where}), {gate['limit']:.4g} allowed"
