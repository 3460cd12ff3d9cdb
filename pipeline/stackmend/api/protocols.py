"""Protocols to start with, and what they can be made of."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackmend import resources
from stackmend.addresses import as_path
from stackmend.errors import Problem, UsageError

if TYPE_CHECKING:
    from stackmend import registry


def steps() -> tuple[registry.Step, ...]:
    """Every installed step that can be used."""
    from stackmend import registry

    return registry.steps().usable()


def schema() -> dict[str, Any]:
    """The JSON Schema of protocols, with every installed step and loss."""
    from stackmend import registry
    from stackmend.protocol import assemble

    return assemble(
        [step.name for step in steps()], [loss.name for loss in registry.losses().usable()]
    )


def init(
    stack: str | Path | None = None,
    *,
    folder: str | Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> str:
    """A commented starting protocol, valid as it stands.

    Parameters
    ----------
    stack
        The stack it is for: up to 12 slices are looked at, and the protocol has the steps that
        find something there, or leaves the stack alone. Without one it uses a synthetic stack, so
        that it runs at once.
    folder
        Where the protocol will lie, the working folder by default; a relative path of the stack is
        written as seen from there.
    progress
        Called with what is being done and with what was decided.

    Raises
    ------
    InputError
        If the stack, or none of its slices that are looked at, can be read.
    """
    from stackmend.looking import look, protocol_for
    from stackmend.protocol.starter import starting_protocol
    from stackmend.stacks import Facts, open_stack

    if stack is None:
        return starting_protocol()
    path = as_path(stack)
    seen = look(open_stack(path, facts=Facts()), progress)
    progress(seen.verdict)
    if folder is not None and not path.is_absolute():
        path = Path(os.path.relpath(path, folder))
    return protocol_for(seen, str(path))


@dataclass(frozen=True)
class ImportedProtocol:
    """A protocol of another program as the text of one of this.

    ``left_out`` is what has no equal here, with the reasons; ``problems`` are what ``check`` has to
    say of the text.
    """

    text: str
    left_out: tuple[str, ...]
    problems: tuple[Problem, ...]


def import_protocol(file: str | Path) -> ImportedProtocol:
    """Take over a pipeline of bmiptools (its JSON file) or parameters of PyStack3D (TOML).

    The file is read as data; pickles, such as the ``.dill`` of bmiptools, are refused.

    Raises
    ------
    UsageError
        If it cannot be read or understood, or nothing in it has an equal here.
    """
    from stackmend.protocol import examine
    from stackmend.translation import protocol_text, translate

    source = Path(file).expanduser()
    found = translate(source)
    text = protocol_text(found)
    draft = examine(source.with_suffix(".yaml"), text=text)
    return ImportedProtocol(text, tuple(found.left_out), draft.problems)


@dataclass(frozen=True)
class MigratedProtocol:
    """A protocol as a text of the newest format.

    ``before`` is the format that it had; ``said`` is what was changed, nothing if that was the
    newest already; ``problems`` are what ``check`` has to say of the text.
    """

    text: str
    before: int
    said: tuple[str, ...]
    problems: tuple[Problem, ...]


def migrate(protocol: str | Path, *, output: str | Path | None = None) -> MigratedProtocol:
    """Bring a protocol of an earlier format to the newest one; comments and layout stay.

    Nothing is written; protocols of earlier formats can be run as they are, too.

    Parameters
    ----------
    protocol
        The YAML file.
    output
        Where the text will lie, beside the protocol by default: relative paths lead from there to
        the same places.

    Raises
    ------
    UsageError
        If the file cannot be read, or is written so that only a person can change it.
    ProtocolError
        If it is no protocol, or one of a format that this program does not know.
    """
    from stackmend.bundles import is_bundle
    from stackmend.protocol import examine, text_of
    from stackmend.protocol.effective import rebased
    from stackmend.protocol.migration import NEWEST, migrated

    file = Path(protocol).expanduser()
    if is_bundle(file):
        what = "is a bundle, which is brought to the newest format when it is run"
        raise UsageError(f"{file}: {what}; give a protocol")
    text = text_of(file)
    found = migrated(text)
    if found is None:
        draft = examine(file)
        if draft.protocol is None or draft.protocol.text.data.get("protocol") != NEWEST:
            draft.accepted()
        return MigratedProtocol(text, NEWEST, (), draft.problems)
    target = file if output is None else Path(output).expanduser()
    text = rebased(found.text, file.absolute().parent, target.absolute().parent)
    draft = examine(target, text=text)
    return MigratedProtocol(text, found.before, found.said, draft.problems)


def new_step(name: str, *, into: str | Path = ".", loss: bool = True) -> Path:
    """Write a package with a step of one's own that installs and passes its own tests.

    Parameters
    ----------
    name
        Of the step; the package is ``stackmend-NAME``.
    into
        The folder in which that of the package is made.
    loss
        Whether it has a loss beside the step, ``NAME_loss``.

    Returns
    -------
    Path
        The folder of the package.

    Raises
    ------
    UsageError
        If the name cannot be that of a step, or is taken.
    OutputError
        If there is such a folder already, or it cannot be written.
    """
    from stackmend.authoring import new_package

    return new_package(name, Path(into).expanduser(), loss=loss)


def configs() -> dict[str, str]:
    """The protocols that come with stackmend, each with what it is for."""
    return {name: _lines_of(name)[1].removeprefix("# ") for name in resources.config_names()}


def config(name: str) -> str:
    """The text of a protocol that comes with stackmend; its schema is looked for beside it.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in resources.config_names():
        known = ", ".join(resources.config_names())
        raise UsageError(f"no protocol named {name} comes with stackmend; known: {known}")
    _, *lines = _lines_of(name)
    return "\n".join(["# yaml-language-server: $schema=protocol.schema.json", *lines, ""])


def _lines_of(name: str) -> list[str]:
    return resources.config(name).read_text(encoding="utf-8").splitlines()
