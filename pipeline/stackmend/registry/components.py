"""Steps and losses: stages under a name, with a schema, references and a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from stackmend.registry.stages import Stage, Survey


@dataclass(frozen=True)
class Keeps:
    """Which part of a stack a step leaves.

    ``of(parameters, shape)`` gives it as three slices of a ``(Z, Y, X)`` shape; ``parameters``
    names those it takes.
    """

    parameters: tuple[str, ...]
    of: Callable[[Mapping[str, Any], tuple[int, int, int]], tuple[slice, slice, slice]]


@dataclass(frozen=True)
class Reference:
    """What a step marks where combinations are to be compared over one mask.

    Its parameters have the defaults of its schema, but for those that the protocol gives a value,
    and those under ``parameters``, which have theirs whatever the protocol says. ``widened(mask)``
    is the mask with what the step may touch around it.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    widened: Callable[[Any], Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Component:
    """What steps and losses share.

    ``version`` is raised whenever the numbers that come out change. ``schema`` declares the
    parameters; a built-in component finds its own beside the others in ``schemas/``.
    """

    name: str
    version: int
    stages: tuple[Stage, ...]
    references: tuple[str, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of all parameters that the stages take, in order of first use."""
        return tuple(dict.fromkeys(p for stage in self.stages for p in stage.parameters))

    @property
    def given(self) -> frozenset[str]:
        """Products that are handed to the stages by someone other than an earlier step."""
        return frozenset()

    @property
    def reads(self) -> tuple[str, ...]:
        """Products that must exist before the first stage runs."""
        made = set(self.given)
        needed: dict[str, None] = {}
        for stage in self.stages:
            needed.update(dict.fromkeys(p for p in stage.reads if p not in made))
            made.add(stage.makes)
        return tuple(needed)

    @property
    def makes(self) -> tuple[str, ...]:
        """Products that exist after the last stage has run."""
        return tuple(dict.fromkeys(stage.makes for stage in self.stages))


@dataclass(frozen=True, kw_only=True)
class Step(Component):
    """One entry of a chain.

    ``opens`` and ``closes`` name a product that lives between a pair of steps, like ``scale``
    between standardize and destandardize; ``needs`` names such products that must be open although
    no stage reads them. ``refuse(parameters)`` returns what the schema cannot say against values,
    by parameter; ``caution(parameters, open_products)`` returns a warning about a legal but
    doubtful use, or ``None``; ``doubt(image, parameters)`` the same about a slice, where the step
    is the first of a chain. ``reference`` says how its mask is made that is common to all
    combinations of a search.
    """

    opens: str | None = None
    closes: str | None = None
    needs: tuple[str, ...] = ()
    survey: Survey | None = None
    keeps: Keeps | None = None
    reference: Reference = Reference()
    refuse: Callable[[Mapping[str, Any]], Mapping[str, str]] | None = None
    caution: Callable[[Mapping[str, Any], frozenset[str]], str | None] | None = None
    doubt: Callable[[Any, Mapping[str, Any]], str | None] | None = None

    kind: ClassVar[str] = "step"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Those of the stages, of the survey, and those that decide about the part that is left."""
        kept = self.keeps.parameters if self.keeps else ()
        surveyed = self.survey.parameters if self.survey else ()
        return tuple(dict.fromkeys((*kept, *super().parameters, *surveyed)))

    @property
    def given(self) -> frozenset[str]:
        """The product of the survey, where there is one."""
        return frozenset({self.survey.makes} if self.survey else ())

    @property
    def scope(self) -> str:
        """``slice``, ``window`` (it sees neighbours) or ``stack`` (it surveys slices first)."""
        if self.survey:
            return "stack"
        return "window" if any(stage.window for stage in self.stages) else "slice"


@dataclass(frozen=True, kw_only=True)
class Loss(Component):
    """A self-supervised loss; lower is better.

    Its last stage makes ``loss``: a float or an ``Undefined``. ``finds`` is what it judges the
    correction of, ``nothing_found`` says that no combination came upon any. What to do then is in
    ``advice``, and in ``undefined_advice`` where it was found but the loss has no value.
    ``compares`` names the product that holds what it compares, pairs of flat pixel indices, if it
    does.
    """

    finds: str = ""
    compares: str = ""
    nothing_found: str = "no combination has anything to judge"
    advice: str = "choose other optimization slices"
    undefined_advice: str = "choose other optimization slices"

    kind: ClassVar[str] = "loss"


@dataclass(frozen=True)
class Undefined:
    """The value of a loss that has no number: ``status`` is ``UNDEFINED`` or ``NOTHING_FOUND``."""

    status: str
    reason: str


NOTHING_FOUND = "nothing_found"
UNDEFINED = "undefined"
