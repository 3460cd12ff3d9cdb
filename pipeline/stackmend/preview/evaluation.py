"""A slice evaluated as a run does, with a memory."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, get_args, get_type_hints

import numpy as np

from stackmend.chain import ABSENT, CORRECTION_REFUSED, Graph, Products
from stackmend.errors import StepError, UsageError
from stackmend.job import Job
from stackmend.registry import IMAGE, UNRESTORED, Stage
from stackmend.restore.written import Form, Written
from stackmend.stacks import Pixels
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.framing import framed
from stackmend.tuning.memory import Memory
from stackmend.tuning.raw import RawSlice
from stackmend.tuning.remembered import Evaluation, RememberedSlices, never
from stackmend.words import few

BEFORE, AFTER, MASK = "before", "after", "mask"
AS_READ = "as read"
"""The slice where it was read: not moved, as it is before where the chain moves pixels."""


@dataclass(frozen=True)
class Product:
    """A product of a chain: its name, the step that makes it, and what it is.

    ``kind`` is ``image``, ``mask``, ``field``, ``number`` or ``other``.
    """

    name: str
    step: str
    kind: str


def named_products(graph: Graph) -> dict[str, tuple[Product, int]]:
    """Every product of a chain, with its node; its step goes before a name that is not unique."""
    own = [(index, node) for index, node in enumerate(graph.nodes) if not node.offset]
    makes = [node.stage.makes for _, node in own]
    found: dict[str, tuple[Product, int]] = {}
    for index, node in own:
        name = node.stage.makes
        if makes.count(name) > 1:
            name = f"{node.owner}.{name}"
        found[name] = Product(name, node.owner, kind_of(node.stage)), index
    return found


def kind_of(stage: Stage) -> str:
    """What kind of a product a stage makes, as far as it says."""
    if stage.makes == IMAGE:
        return "image"
    if stage.mask_of:
        return "mask"
    try:
        hint = get_type_hints(stage.function).get("return")
    except (NameError, TypeError):  # a name that exists only for type checkers
        return "other"
    if hint in (float, int) or stage.facts:
        return "number"
    dtypes = [each for part in get_args(hint) for each in get_args(part)]
    if np.bool_ in dtypes:
        return "mask"
    return "field" if any(_is_number(each) for each in dtypes) else "other"


def _is_number(dtype: Any) -> bool:
    return isinstance(dtype, type) and issubclass(dtype, np.number)


class Slices:
    """The slices of one channel as a run of a job writes them.

    Parameters
    ----------
    job
        What is run.
    chain
        Of the channel; its surveys are settled.
    memory
        Shared with whatever else is asked.
    """

    def __init__(self, job: Job, chain: ChannelChain, memory: Memory) -> None:
        self.form, self.chain, self.memory = Form.of(framed(job, [chain])), chain, memory
        self.slices = RememberedSlices(chain, memory)
        self.graph = chain.graph()
        self.named = {name: index for name, (_, index) in named_products(self.graph).items()}
        for index, node in enumerate(self.graph.nodes):
            if not node.offset:
                self.named.setdefault(f"{node.owner}.{node.stage.makes}", index)

    def evaluation(self, number: int) -> Evaluation:
        """The chain on a slice."""

        def given(name: str) -> Any:
            product, offset = self.graph.outside.get(name, (name, 0))
            return self.slices.given(product, number + offset)

        return Evaluation(self.graph, given, self.memory)

    def products(
        self, number: int, names: Collection[str], cancelled: Callable[[], bool] = never
    ) -> Products:
        """Some products of a slice, and under ``status`` and ``reason`` what a run says of it.

        Raises
        ------
        UsageError
            If there is no such slice or product.
        Cancelled
            If they are not wanted any more.
        InputError, StepError
            If a slice cannot be read or computed.
        """
        self.check(number, names)
        raw = self.slices.raw(number)
        if raw.pixels is None:
            return self._of_bad(raw, names)
        found: Products = {"status": "", "reason": ""}
        if BEFORE in names:
            before, _ = self.form.untouched(self.before(number, raw, cancelled))
            found[BEFORE] = _unwritable(self.form.page(before, raw.below))
        if AS_READ in names:
            there, _ = self.form.untouched(self.form.in_place(raw.pixels))
            found[AS_READ] = _unwritable(self.form.page(there, raw.below))
        if not {AFTER, MASK}.isdisjoint(names):
            new = self.written(number, raw, cancelled)
            assert new.pixels is not None
            found["status"] = str(new.status)
            found["reason"] = new.reason or self.chain.doubt(raw.pixels)
            found[AFTER] = _unwritable(self.form.page(new.pixels, raw.below))
            found[MASK] = _as_large(new.mask, found[AFTER])
        own = {name: self.named[name] for name in names if name in self.named}
        if self.slices.is_constant(raw):
            found |= dict.fromkeys(own)
        elif own:
            made = self._evaluated(number, own, cancelled)
            found |= {name: None if each is ABSENT else each for name, each in made.items()}
        return {name: found[name] for name in ("status", "reason", *names)}

    def check(self, number: int, names: Collection[str]) -> None:
        """Raise ``UsageError`` if there is no such slice or product."""
        count = self.chain.reader.shape[0]
        if not 0 <= number < count:
            raise UsageError(f"slice: there are 0 to {count - 1}, got {number}; choose one of them")
        known = (AS_READ, BEFORE, AFTER, MASK, *self.named)
        if unknown := [name for name in names if name not in known]:
            what = f"there are {few(known, 30)}, got {few(unknown)}"
            raise UsageError(f"products: {what}; choose some of them")

    def written(self, number: int, raw: RawSlice, cancelled: Callable[[], bool] = never) -> Written:
        """A slice as it is written."""
        assert raw.pixels is not None
        masks, products = self.graph.masks(), self.graph.products
        decided = (IMAGE, UNRESTORED, CORRECTION_REFUSED)
        wanted = {**{name: products[name] for name in decided if name in products}, **masks}
        keys = map(self.evaluation(number).key, wanted.values())
        key = self.memory.key_of(Form.written, self.form, raw.hash, *keys)
        pixels = raw.pixels
        known = self.memory.get(key)
        if known is None:

            def evaluate() -> Products:
                return self._evaluated(number, wanted, cancelled)

            known = self.form.written(pixels, evaluate, tuple(masks))
            known = replace(known, products={})
            self.memory.put(key, known)
        assert isinstance(known, Written)
        return known

    def before(self, number: int, raw: RawSlice, cancelled: Callable[[], bool] = never) -> Pixels:
        """What is restored of a slice as it was read, cut and moved to its place."""
        assert raw.pixels is not None
        products: Products = {}
        if self.moved and not self.slices.is_constant(raw):
            products = self._evaluated(number, self.moved, cancelled)
        return self.form.before(raw.pixels, products)

    @property
    def moved(self) -> dict[str, Any]:
        """What makes a slice as it was read, where its pixels are moved."""
        return {name: each for name, each in self.graph.products.items() if name == UNRESTORED}

    def _evaluated(
        self, number: int, wanted: dict[str, Any], cancelled: Callable[[], bool]
    ) -> Products:
        try:
            return self.evaluation(number).products(wanted, cancelled)
        except StepError as error:
            name = self.chain.reader.names[number]
            raise StepError(f"slice {number} ({name}): {error}") from error

    def _of_bad(self, raw: RawSlice, names: Collection[str]) -> Products:
        """What there is of a slice that cannot be used."""
        assert raw.bad is not None
        new = self.form.without(raw.bad)
        found: Products = dict.fromkeys(names)
        found |= {"status": str(new.status), "reason": str(raw.bad)}
        for name in (AS_READ, BEFORE, AFTER):
            if name in names:
                found[name] = new.pixels
        return found


def _unwritable(pixels: Pixels) -> Pixels:
    """A view that cannot be written to: what it shows is remembered."""
    view = pixels.view()
    view.flags.writeable = False
    return view


def _as_large(mask: Any, page: Pixels) -> Any:
    """The mask over a whole page: nothing is marked in rows that show no specimen."""
    if mask is None:
        return np.zeros(page.shape, np.bool_)
    if mask.shape == page.shape:
        return _unwritable(mask)
    return np.pad(mask, ((0, len(page) - len(mask)), (0, 0)))
