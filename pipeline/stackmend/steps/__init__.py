"""The built-in steps, one module each, and every installed step as a function of its name.

The functions take a slice or a stack that is at hand, and the parameters of the step::

    from stackmend import steps

    scaled = steps.standardize(image)
    found = steps.find_charging(scaled, inverse=True)
    corrected = steps.correct_charging(scaled, found, border=4)
    restored = steps.destandardize(corrected, scaled)

``dir(steps)`` lists them, also those of other packages, and ``help(steps.find_charging)`` explains
one. The declarations are in the modules: ``from stackmend.steps.find_charging import STEP``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # which steps there are, no checker of types can know

    def __getattr__(name: str) -> Callable[..., Any]: ...


class _Steps(ModuleType):
    """The package as people see it: its attributes are functions, made when they are asked for.

    A module of this folder has the name of its step. To import one sets it as an attribute of the
    package, which would hide the function of that name, depending on what was imported before. So
    modules are not kept as attributes: they are found all the same, as ``from
    stackmend.steps.find_charging import STEP`` looks them up in ``sys.modules``.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return _names()
        if name.startswith("_"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from stackmend.arrays.step_functions import step_attribute

        return step_attribute(name)

    def __dir__(self) -> list[str]:
        return sorted([*filter(_is_special, super().__dir__()), *_names()])


def _names() -> list[str]:
    from stackmend.registry import steps

    return list(steps().names())


def _is_special(name: str) -> bool:
    return name.startswith("__")


sys.modules[__name__].__class__ = _Steps
