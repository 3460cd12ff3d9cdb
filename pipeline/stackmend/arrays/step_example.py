"""An example of a step's function that runs, with the steps before it that it needs."""

from __future__ import annotations

from stackmend.arrays.step_shape import main_product, products_read, reads_image, sees_others
from stackmend.registry import IMAGE, Step, steps


def example(step: Step) -> list[str]:
    """Lines of a session with Python."""
    before = _before(step, ())
    stack = any(sees_others(each) for each in (*before, step))
    shape, drawn = ("(9, 64, 64)", "(11, 64, 64)") if stack else ("(64, 64)",) * 2
    lines = [
        ">>> import numpy as np",
        ">>> from stackmend import steps",
        f">>> image = np.random.default_rng(0).random({drawn}, dtype=np.float32)",
    ]
    if stack:
        lines.append(">>> image = image[2:] + image[1:-1] + image[:-2]  # neighbours are alike")
    names = {each.name: _variable(each) for each in before}
    for name, variable in names.items():
        arguments = _given(steps().get(name), before, names)
        lines += [f">>> {variable} = steps.{name}({arguments})"]
    call = f"steps.{step.name}({_given(step, before, names)})"
    if IMAGE in step.makes and step.keeps is None:
        return [*lines, f">>> np.shape({call})", shape]
    return [*lines, f">>> found = {call}"]


def _given(step: Step, before: list[Step], names: dict[str, str]) -> str:
    """The arguments of a call: the image, what was found, and values for what has no default."""
    words = [IMAGE] if reads_image(step) else []
    wanted = set(products_read(step))
    words += [names[each.name] for each in before if wanted.intersection(each.makes)]
    for name, declared in step.schema.get("properties", {}).items():
        if "default" not in declared:
            words.append(f"{name}=...")
    return ", ".join(words)


def _before(step: Step, calling: tuple[str, ...]) -> list[Step]:
    """The steps that make what a step reads, each behind those that it needs itself."""
    found: list[Step] = []
    missing = set(products_read(step))
    while missing:
        makers = [each for each in steps().usable() if missing.intersection(each.makes)]
        makers = [each for each in makers if each.name not in (*calling, step.name)]
        if not makers:
            return found
        maker = max(makers, key=lambda each: _fits(each, missing, set(products_read(step))))
        for each in (*_before(maker, (*calling, step.name)), maker):
            found += [each] if each not in found else []
        missing -= set(maker.makes)
    return found


def _fits(maker: Step, missing: set[str], wanted: set[str]) -> tuple[int, int, str]:
    """How well a step is the one before: by what it makes, and by what it reads of the same."""
    own = missing.intersection(maker.makes), wanted.intersection(maker.reads)
    return len(own[0]), len(own[1]), maker.name


def _variable(step: Step) -> str:
    return step.opens or main_product(step)
