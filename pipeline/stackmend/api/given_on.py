"""Results and protocols as others take them: frozen, bundled, described."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stackmend.api.results import show
from stackmend.result.atomic import write_new
from stackmend.words import file_name

if TYPE_CHECKING:
    from stackmend.sharing import Proof


def freeze(run: str | Path, *, output: str | Path | None = None, units: str = "px") -> str:
    """The protocol of a run with the values that it has chosen: what it did, without its search.

    Run on the same stack, it gives the same pixels. Comments stay, and beside each value stands
    where it was chosen, by which loss, of how many combinations.

    Parameters
    ----------
    run
        The result folder.
    output
        A new file to write it to; relative paths are written as seen from there, by default from
        the working folder.
    units : {'px', 'nm'}
        Whether lengths in px are left as they are, or written in nm by the pixel size of the run.

    Raises
    ------
    InputError
        If there is no finished run.
    UsageError
        If its channels have values of their own, or no step was applied; for lengths in nm, if
        the size of a pixel is not known.
    OutputError
        If there is such a file already, or it cannot be written.
    """
    from stackmend.runner.frozen import frozen_protocol, in_nanometres

    file = None if output is None else Path(output).expanduser()
    result = show(run)
    text = frozen_protocol(result, Path.cwd() if file is None else file.absolute().parent)
    if units == "nm":
        text = in_nanometres(text, result)
    if file is not None:
        write_new(file, text)
    return text


def bundle(
    protocol: str | Path,
    run: str | Path,
    *,
    output: str | Path | None = None,
    license: str = "",
    author: str = "",
    phantom: bool = False,
    size: int = 512,
) -> Path:
    """Put the protocol of a run, what it needs and a small test into one file for others.

    Parameters
    ----------
    protocol
        That was run, or what ``freeze`` has made of the run.
    run
        The result folder.
    output
        A new file, ``NAME.stackmend.zip`` in the working folder by default.
    license, author
        Of the protocol.
    phantom
        Whether the test is on a synthetic stack, so that no data leave the lab.
    size
        Rows and columns of the part of an optimization slice that the test is on.

    Returns the file.

    Raises
    ------
    StackmendError
        If the run is not finished, its stack is gone, the protocol is another one, or the file is
        there already.
    """
    from stackmend.sharing import bundle_of

    result = show(run)
    name = result.record.name if result.record else "protocol"
    target = Path(output or f"{file_name(name)}.stackmend.zip").expanduser()
    return bundle_of(
        result,
        Path(protocol).expanduser(),
        target,
        license=license,
        author=author,
        phantom=phantom,
        size=size,
    )


def prove(file: str | Path, *, tolerance: float | None = None) -> Proof:
    """Run the test of a bundle on this machine, and hold its pixels against what was expected.

    Parameters
    ----------
    file
        The bundle.
    tolerance
        As for ``verify``.

    Raises
    ------
    InputError
        If it is no bundle, or was altered.
    UsageError
        If it has no test, or steps that it needs are not installed.
    """
    from stackmend.bundles import read_bundle
    from stackmend.sharing import prove

    return prove(read_bundle(Path(file).expanduser()), tolerance=tolerance)


def crate(run: str | Path, *, license: str = "", author: str = "") -> Path:
    """Write the metadata of an RO-Crate (Process Run Crate 0.5) into a result folder.

    Parameters
    ----------
    run
        The result folder.
    license
        Under which the data are given on, best as an address.
    author
        Who has restored them.

    Returns the file.

    Raises
    ------
    InputError
        If there is no finished result of a run.
    OutputError
        If it cannot be written.
    """
    from stackmend.report.crate import write_crate

    return write_crate(Path(run).expanduser(), license=license, author=author)
