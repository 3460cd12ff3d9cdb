"""Where steps and losses are found: in our own folders, and in other packages."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, cached_property
from importlib import metadata
from typing import Any, Generic, TypeVar, cast

from stackmend import resources
from stackmend.registry.compatibility import is_of_other_stackmend, other_stackmend
from stackmend.registry.components import Component, Loss, Step
from stackmend.registry.products import IMAGE
from stackmend.registry.shows import IMAGE_BEFORE
from stackmend.registry.stages import Stage
from stackmend.registry.variants import in_use, methods_of, with_schemas

_OURS = "stackmend"
ComponentT = TypeVar("ComponentT", bound=Component)


class RegistryError(Exception):
    """A component cannot be had: it is unknown, broken or registered twice."""


class Catalogue(Generic[ComponentT]):
    """All components of one kind, by name, loaded on first need."""

    def __init__(self, component: type[ComponentT], package: str) -> None:
        self._component = component
        self._package = package
        self._loaded: dict[str, ComponentT] = {}

    @cached_property
    def _entries(self) -> dict[str, list[tuple[str, metadata.EntryPoint]]]:
        """For every name the packages that register it, and where they have it."""
        entries: dict[str, list[tuple[str, metadata.EntryPoint]]] = {}
        for package, point in (*self._built_in(), *self._installed()):
            entries.setdefault(point.name, []).append((package, point))
        return entries

    def _built_in(self) -> Iterator[tuple[str, metadata.EntryPoint]]:
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                value = f"{self._package}.{module.name}:{self._component.kind.upper()}"
                yield _OURS, metadata.EntryPoint(module.name, value, self._package)

    def _installed(self) -> Iterator[tuple[str, metadata.EntryPoint]]:
        for point in sorted(
            metadata.entry_points(group=self._package), key=lambda p: (p.name, p.value)
        ):
            distribution = point.dist
            if distribution:
                yield f"{distribution.name} {distribution.version}", point
            else:
                yield point.value, point

    def names(self) -> tuple[str, ...]:
        """Every registered name, also those that turn out broken."""
        return tuple(sorted(self._entries))

    def origin(self, name: str) -> str:
        """The package (or packages) that a name comes from."""
        return " and ".join(package for package, _ in self._entries.get(name, []))

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
        [(package, point)] = entries
        if point.dist and (wanted := other_stackmend(point.dist)):
            raise RegistryError(f"the {kind} {name} of {package} {wanted}")
        try:
            return self._completed(name, point.load(), package)
        # Whatever a foreign package does while it is imported, even leaving, must not take the
        # others down with it.
        except (Exception, SystemExit) as error:
            what = f"cannot be loaded ({type(error).__name__}: {error})"
            if is_of_other_stackmend(error):
                what += f"; it was made for another stackmend than {metadata.version(_OURS)}"
            advice = "update or uninstall that package"
            raise RegistryError(f"the {kind} {name} of {package} {what}; {advice}") from error

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
        if isinstance(component, Step) and component.variants:
            complete = with_schemas(component, _parts(component, package))
            component = cast(ComponentT, complete)
        if package != _OURS:
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


def _parts(step: Step, package: str) -> dict[str, Mapping[str, Any]]:
    """The schema of each variant: beside that of its step, or where another package has it."""
    if package != _OURS:
        return {name: variant.schema for name, variant in step.variants.items()}
    return {name: resources.schema(f"steps/{step.name}/{name}") for name in step.variants}


def _check_foreign(component: Component) -> None:
    """Hold a component of another package to what schema and command line count on."""
    from jsonschema import Draft7Validator

    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", component.name):
        raise ValueError("a name begins with a letter and goes on with letters, digits, - or _")
    for error in Draft7Validator(Draft7Validator.META_SCHEMA).iter_errors(
        json.loads(json.dumps(component.schema))
    ):
        raise ValueError(f"its schema is not valid: {error.message}")
    for title, name in unknown_in_shows(component):
        raise ValueError(f"its show {title!r} takes {name}, which is no product or parameter of it")
    for name, declared in component.schema.get("properties", {}).items():
        if "default" not in declared and name not in component.schema.get("required", []):
            raise ValueError(f"{name} has no default and is not required")


def unknown_in_shows(component: Component) -> Iterator[tuple[str, str]]:
    """What shows of a step ask for that the step neither reads nor makes nor takes, by title."""
    if not isinstance(component, Step):
        return
    for step in component.variants.values() or (component,):
        known = {IMAGE, IMAGE_BEFORE, *step.makes, *step.given, *step.parameters}
        known.update(name for stage in step.stages for name in stage.reads)
        for show in step.shows:
            stage = Stage(show.made)
            for name in (*stage.needs, *stage.parameters):
                if name not in known:
                    yield show.title, name


@cache
def steps() -> Catalogue[Step]:
    """The catalogue of steps."""
    return Catalogue(Step, "stackmend.steps")


def of_entry(entry: Mapping[str, Any]) -> Step:
    """The step that an entry of a chain names; of one with variants, those that it chooses."""
    step = steps().get(entry["step"])
    return in_use(step, methods_of(step, entry)) if step.variants else step


@cache
def losses() -> Catalogue[Loss]:
    """The catalogue of losses."""
    return Catalogue(Loss, "stackmend.losses")
