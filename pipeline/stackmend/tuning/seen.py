"""The slices that surveys look at, as the steps before them give them."""

from __future__ import annotations

from typing import Any

from stackmend.chain import ABSENT, Consecutive
from stackmend.errors import StepError
from stackmend.registry import IMAGE
from stackmend.result.hashes import combined_hash
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.raw import RawSlices


class SeenImages:
    """The slices that are looked at, as the steps before give them; each is read once."""

    def __init__(self, chain: ChannelChain, raw: RawSlices) -> None:
        self._chain, self._raw = chain, raw
        self._evaluated = Consecutive(chain.graph(), lambda n: chain.products_from(raw, n))
        self._images: dict[int, Any] = {}

    def image(self, number: int) -> Any:
        """A slice; ``ABSENT`` where it cannot be used."""
        if number not in self._images:
            try:
                self._images[number] = self._evaluated.evaluate(number, (IMAGE,))[IMAGE]
            except StepError as error:
                name = self._chain.reader.names[number]
                raise StepError(f"slice {number} ({name}): {error}") from error
        return self._images[number]

    def usable(self, number: int, *, alone: bool) -> bool:
        """Whether a slice can be looked at; with another one only if it is not constant."""
        pixels = self._raw.get(number).pixels
        if pixels is None or (not alone and pixels.min() == pixels.max()):
            return False
        return self.image(number) is not ABSENT

    def hash(self, number: int) -> str:
        """The hash of the pixels of a slice and of those in reach."""
        around = self._chain.around(number, self._chain.reach)
        return combined_hash(self._raw.get(each).hash for each in around)

    def forget_before(self, number: int) -> None:
        """Let go of slices that no later key has."""
        self._images = {each: image for each, image in self._images.items() if each >= number}
        self._raw.forget(number - 1)
