"""A synthetic stack, as a reader: slices are computed instead of read, and the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stackmend.stacks import Pixels
from stackmend.stacks.metadata import NOTHING, Metadata
from stackmend.stacks.phantom_model import Phantom


@dataclass(frozen=True)
class PhantomReader:
    """Computes the slices of a phantom."""

    phantom: Phantom
    label: str = "phantom"
    notes: tuple[str, ...] = ()
    photometric: str = "minisblack"
    metadata: Metadata = NOTHING

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> PhantomReader:
        """With the given parameters and defaults for the others."""
        return cls(Phantom(**parameters))

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(Z, Y, X)``."""
        return (self.phantom.slices, self.phantom.height, self.phantom.width)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return np.dtype(self.phantom.dtype)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names for the slices as files."""
        return tuple(f"phantom_{index:04d}.tif" for index in range(self.phantom.slices))

    def metadata_of(self, index: int) -> Metadata:
        """Nothing: there was no microscope."""
        return self.metadata

    def read(self, index: int) -> Pixels:
        """One charged slice."""
        return self.phantom.image(index)

    def truth(self, index: int) -> Pixels:
        """The same slice without charging."""
        return self.phantom.clean(index)
