"""Every step as a function: ``stackmend.steps.NAME(image, ...)``, made from what it declares."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from stackmend.arrays.evaluation import Slices, evaluated, survey_of
from stackmend.arrays.images import Images, NoImages, check_scaled
from stackmend.arrays.products import StepResult
from stackmend.arrays.step_docs import documentation
from stackmend.arrays.step_shape import FOUND, main_product, products_read, reads_image, returned
from stackmend.chain import Bound
from stackmend.errors import UnknownParameter, WrongValue
from stackmend.job.resliced import resliced_array
from stackmend.protocol.parameters import parameters_of
from stackmend.protocol.wording import suggestion
from stackmend.registry import IMAGE, RegistryError, Step, steps

_TYPES = {"number": float, "integer": int, "boolean": bool, "string": str, "array": list}


def step_attribute(name: str) -> Callable[..., Any]:
    """The same as ``step_function``, as an attribute is looked up.

    Raises
    ------
    AttributeError
        If there is no such step, or it cannot be loaded, with what may be meant.
    """
    try:
        return step_function(name)
    except RegistryError as error:
        known = steps().names()
        meant = suggestion(name, known) if name not in known else ""
        raise AttributeError(f"{error}{meant}") from error


@cache
def step_function(name: str) -> Callable[..., Any]:
    """The function of a registered step.

    Raises
    ------
    RegistryError
        If there is none of that name, or it cannot be loaded.
    """
    step = steps().get(name)

    def function(*given: Any, **named: Any) -> Any:
        return _called(step, given, named)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "stackmend.steps"
    function.__doc__ = documentation(step)
    # inspect looks for this attribute, which the type of functions does not have.
    function.__signature__ = signature_of(step)  # type: ignore[attr-defined]
    return function


def signature_of(step: Step) -> inspect.Signature:
    """The signature of a step's function: image, results of earlier steps, products, parameters."""
    kinds = inspect.Parameter
    parameters: list[inspect.Parameter] = []
    if reads_image(step):
        parameters.append(kinds(IMAGE, kinds.POSITIONAL_OR_KEYWORD))
    if products := products_read(step):
        parameters.append(kinds(FOUND, kinds.VAR_POSITIONAL))
        parameters += [kinds(name, kinds.KEYWORD_ONLY, default=None) for name in products]
    for name, declared in step.schema.get("properties", {}).items():
        default = declared.get("default", kinds.empty)
        kind = "string" if "enum" in declared else declared.get("type")
        own = _TYPES.get(kind, kinds.empty) if isinstance(kind, str) else kinds.empty
        parameters.append(kinds(name, kinds.KEYWORD_ONLY, default=default, annotation=own))
    return inspect.Signature(parameters)


def _called(step: Step, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """What a step makes of an image and of what earlier steps have found."""
    image, found, parameters = _told_apart(step, given, named)
    bound = Bound(step, step.name, parameters_of(step, parameters))
    products, of_stack = _products(step, image, found)
    images: Images | NoImages
    if reads_image(step):
        images = Images(image.main if isinstance(image, StepResult) else image, step.name)
        check_scaled(step, images)
        _check_stack(bound, images)
        stack = images.stack
    else:
        stack = bool(of_stack)
        images = NoImages(min(of_stack.values()) if of_stack else 1)
    for name in products:
        if (name in of_stack) != stack or of_stack.get(name, len(images)) != len(images):
            what = "must be of the same slices as the image and the others"
            raise WrongValue(f"{step.name}: {name} {what}; find it on what is given here")
    if step.reslices and step.reslices.needed(bound.parameters):
        if not stack:
            raise WrongValue(f"{step.name}: makes each slice of many; give a stack (Z, Y, X)")
        shape = (len(images), *images[0].shape)
        return resliced_array(images, step.reslices.of(bound.parameters, shape))
    keep = returned(step)
    made = evaluated(bound, images, products, keep.names, stack=stack)
    if keep.alone:
        return _writable(made[keep.names[0]])
    return StepResult(step.name, made, main_product(step))


def _told_apart(
    step: Step, given: Sequence[Any], named: Mapping[str, Any]
) -> tuple[Any, list[Any], dict[str, Any]]:
    """The image, results of earlier steps (those by name last), and the parameters."""
    parameters, rest = dict(named), list(given)
    image = None
    if reads_image(step):
        if IMAGE in parameters and rest:
            raise UnknownParameter(f"{step.name}: image is given twice; give it once")
        if IMAGE not in parameters and not rest:
            raise UnknownParameter(f"{step.name}: image is missing; give a slice or a stack")
        image = parameters.pop(IMAGE) if IMAGE in parameters else rest.pop(0)
    wanted = products_read(step)
    if rest and not wanted:
        what = f"takes nothing behind the image, got {type(rest[0]).__name__}"
        raise UnknownParameter(f"{step.name}: {what}; give parameters by name")
    own = {name: parameters.pop(name) for name in wanted if parameters.get(name) is not None}
    for name in wanted:
        parameters.pop(name, None)
    return image, [*rest, own], parameters


def _products(
    step: Step, image: Any, found: Sequence[Any]
) -> tuple[dict[str, Any], dict[str, int]]:
    """What a step reads besides the image, and for how many slices each of it is, of a stack."""
    wanted, known = products_read(step), dict[str, Any]()
    bare: list[Any] = []
    for each in (image, *found):
        if isinstance(each, Mapping):
            own = {name: each[name] for name in wanted if name in each}
            # By name, a result stands for the one of its products that is meant.
            known |= {name: _named(name, value) for name, value in own.items()}
        elif each is not image:
            bare.append(each)
    missing = [name for name in wanted if name not in known]
    if bare and (len(bare) != 1 or len(missing) != 1):
        what = f"cannot tell what is meant by {len(bare)} values without a name"
        raise UnknownParameter(f"{step.name}: {what}; give {', '.join(wanted)} by name")
    known |= dict(zip(missing, bare, strict=False))
    missing = [name for name in wanted if name not in known]
    if missing:
        raise UnknownParameter(f"{step.name}: {_advice(missing)}")
    return known, {name: len(each) for name, each in known.items() if _is_of_stack(each)}


def _named(name: str, value: Any) -> Any:
    return value.get(name, value.main) if isinstance(value, StepResult) else value


def _is_of_stack(value: Any) -> bool:
    return isinstance(value, Slices) or (isinstance(value, np.ndarray) and value.ndim == 3)


def _advice(missing: Sequence[str]) -> str:
    """Which products are missing, and which steps make them."""
    said: list[str] = []
    for name in missing:
        makers = [step.name for step in steps().usable() if name in step.makes]
        said.append(f"{name} is missing; give what {' or '.join(makers) or 'a step'} returns")
    return "; ".join(said)


def _check_stack(bound: Bound, images: Images) -> None:
    """Refuse one slice where a step must see others."""
    windows = [stage.radius(bound.parameters) for stage in bound.component.stages]
    if images.stack or (not any(windows) and survey_of(bound) is None):
        return
    why = "sees neighbouring slices" if any(windows) else "must look at all slices first"
    what = f"must be a stack (Z, Y, X), as the step {why}, got one slice"
    raise WrongValue(f"{bound.id}: image {what}; give image[np.newaxis] if there is no other")


def _writable(made: Any) -> Any:
    """A product that is handed over; it may be the image as it was given, which stays as it is."""
    return made if not isinstance(made, np.ndarray) or made.flags.writeable else made.copy()
