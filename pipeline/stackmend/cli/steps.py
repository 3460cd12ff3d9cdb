"""``stackmend steps``: what is installed, and all that a step or a loss says about itself."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from stackmend import words
from stackmend.cli.options import Options
from stackmend.cli.terminal.streams import answer
from stackmend.errors import UsageError
from stackmend.words import few

if TYPE_CHECKING:
    from stackmend.registry import Catalogue, Component

OTHER_UNITS = {"px": " or nm, um, % of the width", "px²": " or nm2, um2"}
"""What numbers of pixels may be given in as well."""

HELP = "list installed steps, or explain one"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a step or loss to explain")


def main(options: Options) -> int:
    """Print the list, or the explanation."""
    from stackmend import registry

    steps, losses = registry.steps(), registry.losses()
    if options.name is None:
        answer("\n\n".join([list_text(steps), list_text(losses)]))
        unusable = [name for each in (steps, losses) for name in _unusable(each)]
        if unusable:
            what = f"{few(unusable)}: cannot be used, for the reason that the list gives"
            raise UsageError(f"{what}; update or uninstall what brings them")
        return 0
    catalogue = losses if options.name in losses.names() else steps
    try:
        component = catalogue.get(options.name)
    except registry.RegistryError as error:
        raise UsageError(str(error)) from error
    answer(component_text(component, catalogue.origin(options.name)))
    return 0


def _unusable(catalogue: Catalogue[Any]) -> list[str]:
    return [name for name in catalogue.names() if catalogue.reason_unusable(name) is not None]


def list_text(catalogue: Catalogue[Any]) -> str:
    """Every registered component in a line, the broken ones with the reason."""
    from stackmend.registry import RegistryError

    lines = []
    for name in catalogue.names():
        try:
            said = catalogue.get(name).schema.get("description", "")
        except RegistryError as error:
            lines.append(words.printable(f"{name:<20} UNUSABLE: {error}"))
        else:
            lines.append(words.printable(f"{name:<20} {said} [{catalogue.origin(name)}]"))
    return "\n".join(lines)


def component_text(component: Component, origin: str) -> str:
    """All that a component says about itself."""
    version = f"{component.kind} of {origin}, algorithm version {component.version}"
    lines = [f"{component.name}  ({version})", ""]
    lines += wrap(str(component.schema.get("description", "")), 100)
    if scope := getattr(component, "scope", ""):
        lines.append(f"scope: {scope}")
    lines += [f"reads: {', '.join(component.reads)}", f"makes: {', '.join(component.makes)}", ""]

    parameters = component.schema.get("properties", {})
    lines.append("parameters:" if parameters else "no parameters")
    for name, declared in parameters.items():
        lines += _parameter_lines(name, declared)

    if component.references:
        lines += ["", "references:"]
    for reference in component.references:
        lines += [f"  {line}" for line in wrap(reference, 96, subsequent_indent="  ")]
    return "\n".join(lines)


def _parameter_lines(name: str, declared: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {name}  {_type_text(declared)}, default {words.value(declared.get('default'))}"
    meaning = declared.get("description", "")
    if "errorMessage" in declared:
        meaning = f"{meaning} It {declared['errorMessage']}."
    for line in wrap(meaning.strip(), 92):
        yield f"      {line}"


def _type_text(declared: Mapping[str, Any]) -> str:
    kind = declared.get("type", "choice")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if "unit" in declared:
        text += f" [{declared['unit']}]"
        text += OTHER_UNITS.get(declared["unit"], "")
    return text if declared.get("sweepable", True) else f"{text}, cannot be swept"
