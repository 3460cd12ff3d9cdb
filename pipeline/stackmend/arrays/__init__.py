"""Protocols and single steps on arrays that are at hand, without files and result folders."""

from __future__ import annotations

from stackmend.arrays.apply import apply
from stackmend.arrays.products import StepResult
from stackmend.arrays.search import ArraySearch, search

__all__ = ["ArraySearch", "StepResult", "apply", "search"]
