"""A synthetic stack, as a reader: slices are computed instead of read, and the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackmend.stacks.interface import Pixels, Reader
from stackmend.stacks.phantom_model import Phantom
from stackmend.stacks.pixels import slice_names


@dataclass(frozen=True, kw_only=True)
class PhantomReader(Reader):
    """Computes the slices of a phantom."""

    phantom: Phantom

    def read(self, index: int) -> Pixels:
        """One slice with charge and all that was asked for."""
        return self.phantom.image(index)

    def truth(self, index: int) -> Pixels:
        """The same slice without any of that."""
        return self.phantom.clean(index)


def open_phantom(parameters: Mapping[str, Any]) -> PhantomReader:
    """A reader with the given parameters and defaults for the others."""
    phantom = Phantom(**parameters)
    return PhantomReader(
        label="phantom",
        shape=(phantom.slices, phantom.height, phantom.width),
        dtype=np.dtype(phantom.dtype),
        names=slice_names("phantom", phantom.slices),
        phantom=phantom,
    )
