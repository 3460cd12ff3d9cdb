"""A few hundred mutated protocols; ``make fuzz`` looks at thousands."""

from __future__ import annotations

from fuzz.protocols import fuzz


def test_no_mutated_protocol_ends_in_a_traceback() -> None:
    assert fuzz(200, 1) == []
