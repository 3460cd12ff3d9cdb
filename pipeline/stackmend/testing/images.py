"""What a step makes of single slices: shape, type, and slices that are hard to work with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.chain import Products
from stackmend.errors import InputError, StepError
from stackmend.registry import IMAGE
from stackmend.testing.content import content_of, is_finite
from stackmend.testing.contract import Broken, Rule
from stackmend.testing.samples import KINDS, TINY, noise, of_kind
from stackmend.testing.step_subject import StepSubject, Tried, is_refused

REFUSE = "raise ValueError (a survey: Unsettled) with the reason where it cannot work with a slice"


def check_shape_and_type(subject: StepSubject) -> None:
    """See that an image stays an image, of float32, of the size of the slice."""
    usual = subject.usual
    for number, products in zip(usual.numbers, subject.usual_products, strict=True):
        _check_image(subject, products, usual.stack.shape, f"slice {number}")


def check_constant(subject: StepSubject) -> None:
    """See that slices of one grey level, also all of them, are worked with or refused."""
    usual = subject.usual
    for level in (0.0, 1.0, 255.0):
        image = np.full(usual.image(0).shape, level, np.float32)
        image.flags.writeable = False
        what = f"a slice of grey level {level:g} alone"
        for products in _made_of(usual, [0], what, image=image):
            _check_image(subject, products, usual.stack.shape, what)
    every = np.full(usual.stack.shape, 7, np.uint8)
    _tried(subject, every, "slices of one grey level alone")
    mixed = np.array(subject.stack)
    mixed[1] = mixed[1].min()
    _tried(subject, mixed, "slices of which one has one grey level alone")


def check_tiny(subject: StepSubject) -> None:
    """See that slices of few pixels are worked with or refused."""
    for height, width in TINY:
        stack = noise(len(subject.stack), height, width)
        what = f"slices of {height} x {width}"
        tried = _tried(subject, stack, what)
        if tried is not None:
            for products in _made_of(tried, tried.numbers, what):
                _check_image(subject, products, stack.shape, what)


def check_number_types(subject: StepSubject) -> None:
    """See that stacks of every type of numbers come out as float32, or are refused."""
    for kind in KINDS:
        stack = of_kind(subject.stack, kind)
        tried = _tried(subject, stack, f"slices of {kind}")
        if tried is not None:
            for products in _made_of(tried, [1], f"slices of {kind}"):
                _check_image(subject, products, stack.shape, f"slices of {kind}")


def check_not_a_number(subject: StepSubject) -> None:
    """See that a pixel that is no number is refused, or stays to be seen."""
    usual = subject.usual
    place = tuple(size // 2 for size in usual.image(0).shape)
    for value in (np.nan, np.inf):
        image = np.array(usual.image(1))
        image[place] = value
        image.flags.writeable = False
        what = f"a slice with {value}"
        with np.errstate(all="ignore"):
            made = list(_made_of(usual, [1], what, image=image))
        if any(IMAGE in products and is_finite(products[IMAGE]) for products in made):
            raise Broken(f"{what} comes out as if it had none; {REFUSE}")


def check_channels(subject: StepSubject) -> None:
    """See that nothing of one channel stays behind for another."""
    usual, few = subject.usual, range(2)
    expected = content_of(subject.usual_products[:2])
    other = subject.tried(np.array(subject.stack)[:, ::-1])
    list(_made_of(other, few, "another channel"))
    if content_of(usual.evaluated(few)) != expected:
        raise Broken("between two channels it keeps something; keep nothing outside of calls")


def _check_image(
    subject: StepSubject, products: Products, shape: tuple[int, ...], what: str
) -> None:
    image = products.get(IMAGE)
    if not isinstance(image, np.ndarray):  # makes none, or none of this slice
        return
    expected = shape[1:]
    if subject.keeps:
        depth, height, width = shape
        parameters = subject.usual.own.parameters
        left = subject.keeps.of(parameters, (depth, height, width))
        expected = tuple(len(range(size)[each]) for size, each in zip(shape, left, strict=True))[1:]
    if image.dtype != np.float32:
        what_then = "end with .astype(np.float32), and compute with np.float32(parameter)"
        raise Broken(f"of {what} it makes an image of {image.dtype}; {what_then}")
    if image.shape != expected:
        raise Broken(f"of {what} it makes an image of {image.shape}, expected {expected}")
    if not is_finite(image):
        count = np.count_nonzero(~np.isfinite(image))
        raise Broken(f"of {what} it makes {count} pixels that are no numbers; {REFUSE}")


def _tried(subject: StepSubject, stack: NDArray[Any], what: str) -> Tried | None:
    """The step on a stack; ``None`` where it, or a step before it, refuses it."""
    try:
        tried = subject.tried(stack)
        tried.image(1)
    except (StepError, InputError) as error:
        if is_refused(error):
            return None
        raise Broken(f"{what}: {error}; {REFUSE}") from error
    return tried


def _made_of(tried: Tried, numbers: Any, what: str, **given: Any) -> Iterator[Products]:
    """What it makes of some slices, but of those that it refuses."""
    for number in numbers:
        try:
            (products,) = tried.evaluated([number], **given)
        except StepError as error:
            if not is_refused(error):
                raise Broken(f"{what}: {error}; {REFUSE}") from error
        else:
            yield products


RULES = (
    Rule("shape-and-type", check_shape_and_type),
    Rule("constant-slices", check_constant),
    Rule("tiny-slices", check_tiny),
    Rule("number-types", check_number_types),
    Rule("not-a-number", check_not_a_number),
    Rule("channels", check_channels),
)
