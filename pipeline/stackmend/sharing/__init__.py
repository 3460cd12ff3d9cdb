"""A protocol given to others: made into a bundle with a test, and proved on another machine."""

from __future__ import annotations

from stackmend.sharing.making import bundle_of
from stackmend.sharing.proving import Proof, prove

__all__ = ["Proof", "bundle_of", "prove"]
