"""Protocols and single steps on arrays that are at hand, without files and result folders."""

from __future__ import annotations

from stackmend.arrays.application import apply
from stackmend.arrays.array_search import ArraySearch, search
from stackmend.arrays.products import StepResult

__all__ = ["ArraySearch", "StepResult", "apply", "search"]
