"""What a step has made of a slice or a stack, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.arrays.page import kind_of, products_page


class StepResult(Mapping[str, Any]):
    """Several products of one step, as attributes and as a mapping by name.

    Where an array is expected, the main one stands for all: the image if the step makes one, else
    the mask. Of a stack, arrays are stacked along z, and what is no array is a tuple with one for
    each slice.
    """

    def __init__(self, step: str, products: Mapping[str, Any], main: str) -> None:
        self._step, self._products, self._main = step, dict(products), main

    @property
    def main(self) -> Any:
        """The product that stands for all."""
        return self._products[self._main]

    def __getattr__(self, name: str) -> Any:
        products = self.__dict__.get("_products", {})  # none while it is being unpickled
        if name in products:
            return products[name]
        known = ", ".join(products)
        raise AttributeError(f"the step has made {known or 'nothing'}, and no {name}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._products]

    def __getitem__(self, name: str) -> Any:
        return self._products[name]

    def __iter__(self) -> Any:
        return iter(self._products)

    def __len__(self) -> int:
        return len(self._products)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        made = np.asarray(self.main, dtype)
        return made.copy() if copy else made

    def __repr__(self) -> str:
        kinds = (f"{name}: {kind_of(value)}" for name, value in self._products.items())
        return f"<{self._step}: {'; '.join(kinds)}>"

    def _repr_html_(self) -> str:
        return products_page(self._step, self._products)
