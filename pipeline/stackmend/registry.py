"""Steps and losses: what they declare about themselves, and where they are found.

A step is made of stages. A stage is a pure function whose positional parameters are the names of the products it
reads and whose keyword-only parameters are the parameters it takes; it makes one product. The chain, the search,
the plan and the check all work from this declaration and from nothing else.

Built-in components are the modules of the folders ``steps`` and ``losses``, one each, named as the module. Other
packages register theirs through the entry-point groups ``stackmend.steps`` and ``stackmend.losses``; the entry
point's name is the component's name, its value the ``Step`` or ``Loss``. Nothing is imported before it is needed.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import metadata
from typing import Any, ClassVar, Generic, TypeVar

from stackmend import resources

IMAGE = "image"
"""The product that every chain starts from and ends with: one slice, ``(Y, X)`` float32."""

INITIAL_IMAGE = "initial_image"
"""For losses: the image as it was before the first of the tuned steps."""


@dataclass(frozen=True)
class Stage:
    """One pure function of a step.

    Parameters
    ----------
    function
        ``function(product, ..., *, parameter, ...)``; positional parameters are named after products.
    makes
        Name of the product it returns; the function's own name if left out. Arrays of the slice's shape are cut to
        the region of a search; a product that holds such arrays has a method ``cut(window)`` for that.
    plural
        What people call several of these results, where the work of a search is told by them.
    mask_of
        What the product marks, if it is the mask that people are shown and whose area is counted.
    """

    function: Callable[..., Any]
    makes: str = ""
    plural: str = ""
    mask_of: str = ""

    def __post_init__(self) -> None:
        if not self.makes:
            object.__setattr__(self, "makes", self.function.__name__)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Names of the products it reads, in calling order."""
        return self._names(inspect.Parameter.POSITIONAL_OR_KEYWORD)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters it takes."""
        return self._names(inspect.Parameter.KEYWORD_ONLY)

    def _names(self, kind: object) -> tuple[str, ...]:
        signature = inspect.signature(self.function)
        return tuple(p.name for p in signature.parameters.values() if p.kind is kind)


@dataclass(frozen=True)
class Survey:
    """What a step must know of the whole stack before it can compute its first slice.

    ``measure(image)`` summarises one slice, ``merge(a, b)`` joins two summaries, and the joined summary of all
    slices is the product ``makes`` (``None`` where ``needed(parameters)`` is false).
    """

    makes: str
    measure: Callable[[Any], Any]
    merge: Callable[[Any, Any], Any]
    needed: Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Keeps:
    """Which part of a stack a step leaves.

    ``of(parameters, shape)`` gives it as three slices of a ``(Z, Y, X)`` shape; ``parameters`` names those it takes.
    """

    parameters: tuple[str, ...]
    of: Callable[[Mapping[str, Any], tuple[int, int, int]], tuple[slice, slice, slice]]


@dataclass(frozen=True, kw_only=True)
class Component:
    """What steps and losses share.

    ``version`` is raised whenever the numbers that come out change. ``schema`` declares the parameters; a
    built-in component finds its own beside the others in ``schemas/``.
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

    ``opens`` and ``closes`` name a product that lives between a pair of steps, like ``scale`` between standardize
    and destandardize; ``needs`` names such products that must be open although no stage reads them.
    ``refuse(parameters)`` returns what the schema cannot say against values, by parameter;
    ``caution(parameters, open_products)`` returns a warning about a legal but doubtful use, or ``None``.
    """

    opens: str | None = None
    closes: str | None = None
    needs: tuple[str, ...] = ()
    survey: Survey | None = None
    keeps: Keeps | None = None
    refuse: Callable[[Mapping[str, Any]], Mapping[str, str]] | None = None
    caution: Callable[[Mapping[str, Any], frozenset[str]], str | None] | None = None

    kind: ClassVar[str] = "step"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Those of the stages, and those that decide about the part that is left."""
        return tuple(
            dict.fromkeys((*(self.keeps.parameters if self.keeps else ()), *super().parameters))
        )

    @property
    def given(self) -> frozenset[str]:
        """The product of the survey, where there is one."""
        return frozenset({self.survey.makes} if self.survey else ())

    @property
    def scope(self) -> str:
        """``slice``, or ``stack`` for a step that may have to see every slice first."""
        return "stack" if self.survey else "slice"


@dataclass(frozen=True, kw_only=True)
class Loss(Component):
    """A self-supervised loss, lower is better; its last stage makes ``loss``: a float or an ``Undefined``.

    ``finds`` is what it judges the correction of, ``nothing_found`` says that no combination came upon any. What
    to do then is in ``advice``, and in ``undefined_advice`` where it was found but the loss has no value.
    """

    finds: str = ""
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

_OURS = "stackmend"
ComponentT = TypeVar("ComponentT", bound=Component)


class RegistryError(Exception):
    """A component cannot be had: it is unknown, broken or registered twice."""


@dataclass(frozen=True)
class Entry:
    """A registered name that may not have been loaded yet."""

    name: str
    package: str
    load: Callable[[], Any]


class Catalogue(Generic[ComponentT]):
    """All components of one kind, by name, loaded on first need."""

    def __init__(self, component: type[ComponentT], package: str) -> None:
        self._component = component
        self._package = package
        self._loaded: dict[str, ComponentT] = {}

    @cached_property
    def _entries(self) -> dict[str, list[Entry]]:
        entries: dict[str, list[Entry]] = {}
        for entry in (*self._built_in(), *self._installed()):
            entries.setdefault(entry.name, []).append(entry)
        return entries

    def _built_in(self) -> Iterator[Entry]:
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                value = f"{self._package}.{module.name}:{self._component.kind.upper()}"
                yield Entry(
                    module.name, _OURS, metadata.EntryPoint(module.name, value, self._package).load
                )

    def _installed(self) -> Iterator[Entry]:
        for point in sorted(
            metadata.entry_points(group=self._package), key=lambda p: (p.name, p.value)
        ):
            yield Entry(
                point.name,
                f"{point.dist.name} {point.dist.version}" if point.dist else point.value,
                point.load,
            )

    def names(self) -> tuple[str, ...]:
        """Every registered name, also those that turn out broken."""
        return tuple(sorted(self._entries))

    def origin(self, name: str) -> str:
        """The package (or packages) that a name comes from."""
        return " and ".join(entry.package for entry in self._entries.get(name, []))

    def get(self, name: str) -> ComponentT:
        """The component of that name.

        Raises
        ------
        RegistryError
            If the name is unknown, registered twice, or its package is broken.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> ComponentT:
        kind, entries = self._component.kind, self._entries.get(name, [])
        if not entries:
            raise RegistryError(
                f"no {kind} named {name} is installed; 'stackmend steps' lists what is"
            )
        if len(entries) > 1:
            what = f"is registered twice, by {self.origin(name)}; uninstall one of the packages"
            raise RegistryError(f"the {kind} {name} {what}")
        try:
            return self._completed(name, entries[0].load(), entries[0].package)
        # Whatever a foreign package does while it is imported, even leaving, must not take the others down with it.
        except (Exception, SystemExit) as error:
            what = f"cannot be loaded ({type(error).__name__}: {error}); update or uninstall that package"
            raise RegistryError(f"the {kind} {name} of {entries[0].package} {what}") from error

    def _completed(self, name: str, component: object, package: str) -> ComponentT:
        if not isinstance(component, self._component):
            raise TypeError(
                f"expected a {self._component.__name__}, got {type(component).__name__}"
            )
        if component.name != name:
            raise ValueError(f"it calls itself {component.name}")
        if not component.schema and package == _OURS:
            component = replace(
                component, schema=resources.schema(f"{self._package.split('.')[-1]}/{name}")
            )
        elif package != _OURS:
            _check_foreign(component)
        if different := set(component.schema.get("properties", {})) ^ set(component.parameters):
            raise ValueError(f"schema and stages differ in {', '.join(sorted(different))}")
        return component

    def usable(self) -> tuple[ComponentT, ...]:
        """Every component that loads, by name."""
        return tuple(
            self._loaded[name] for name in self.names() if self.reason_unusable(name) is None
        )

    def reason_unusable(self, name: str) -> str | None:
        """Why a registered name cannot be used, or ``None``."""
        try:
            self.get(name)
        except RegistryError as error:
            return str(error)
        return None


def _check_foreign(component: Component) -> None:
    """Hold a component of another package to what the protocol's schema and the command line count on."""
    from jsonschema import Draft7Validator

    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", component.name):
        raise ValueError("a name begins with a letter and goes on with letters, digits, - or _")
    for error in Draft7Validator(Draft7Validator.META_SCHEMA).iter_errors(
        json.loads(json.dumps(component.schema))
    ):
        raise ValueError(f"its schema is not valid: {error.message}")
    for name, declared in component.schema.get("properties", {}).items():
        if "default" not in declared and name not in component.schema.get("required", []):
            raise ValueError(f"{name} has no default and is not required")


@cache
def steps() -> Catalogue[Step]:
    """The catalogue of steps."""
    return Catalogue(Step, "stackmend.steps")


@cache
def losses() -> Catalogue[Loss]:
    """The catalogue of losses."""
    return Catalogue(Loss, "stackmend.losses")
