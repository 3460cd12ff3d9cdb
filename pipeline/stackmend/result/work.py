"""The identity of work, as far as every journal has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict


class ChainOfWork(TypedDict):
    """A chain as far as it decides about pixels."""

    steps: Mapping[str, str]
    order: tuple[str, ...]
    parameters: Mapping[str, Any]
    settled: Mapping[str, str]


class OutputOfWork(TypedDict):
    """The type of the pixels."""

    dtype: str


class PixelsOfWork(TypedDict):
    """What decides about all slices."""

    channels: tuple[int, ...]
    chains: tuple[ChainOfWork, ...]
    output: OutputOfWork


class LayoutOfWork(TypedDict):
    """How the stack is laid out."""

    format: str
    slices: tuple[int, ...]
    shape: tuple[int, int, int]
    names: tuple[str, ...]
    compression: str
    pyramid: bool


class BesideOfWork(TypedDict):
    """What lies beside the stack."""

    masks: bool


class Work(TypedDict):
    """What the identity of work has at least."""

    pixels: PixelsOfWork
    layout: LayoutOfWork
    beside: BesideOfWork
