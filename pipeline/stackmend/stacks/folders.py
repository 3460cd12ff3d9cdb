"""Folders of files that are slices: which there are, what each is, and whether they are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from stackmend.elsewhere import entries_of
from stackmend.errors import BadSlice, InputError, NotReached
from stackmend.stacks.interface import Metadata, Reader
from stackmend.stacks.pixels import slice_names
from stackmend.stacks.series import natural_key, series_notes
from stackmend.words import few


class _Looked(Protocol):
    """What is known of a file after a look: ``info`` must be the same for all slices."""

    @property
    def info(self) -> Any: ...


Header = TypeVar("Header", bound=_Looked)


class SliceFiles(NamedTuple, Generic[Header]):
    """The slices of a folder in natural order, or a file that is one.

    Attributes
    ----------
    folder, label
        Where they lie, and what messages call them.
    files
        Their names.
    headers, bad
        What is known of each, and what is wrong with those that cannot be used, by name.
    notes
        What was skipped, and what is odd about the names.
    """

    folder: Path
    label: str
    files: tuple[str, ...]
    headers: Mapping[str, Header]
    bad: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def first(self) -> Header:
        """The first that can be used."""
        return next(iter(self.headers.values()))

    def names(self) -> tuple[str, ...]:
        """A name for each slice as a TIFF file."""
        names = tuple(f"{Path(file).stem}.tif" for file in self.files)
        if len(set(names)) < len(names):
            return slice_names(Path(self.label).stem, len(names))
        return names


def slice_files(
    path: Path, suffixes: tuple[str, ...], look: Callable[[Path], Header], *, tolerant: bool
) -> SliceFiles[Header]:
    """Look at each file of a folder with one of these suffixes, or at the one file.

    Raises
    ------
    InputError
        If some cannot be used (all of these are named); if ``tolerant``, only where none can.
    """
    if path.is_file():
        headers, bad = look_at_each(path.parent, [path.name], look, tolerant=tolerant)
        return SliceFiles(path.parent, path.name, (path.name,), headers, bad, ())
    names, skipped = list_folder(path, suffixes)
    headers, bad = look_at_each(path, names, look, tolerant=tolerant)
    label = path.name or str(path)
    notes = [f"{label}: skipped what is no slice: {few(skipped)}"] if skipped else []
    notes += series_notes(label, names)
    return SliceFiles(path, label, tuple(names), headers, bad, tuple(notes))


def has_files(folder: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether there is a file with one of these suffixes in a folder."""
    return folder.is_dir() and bool(list_folder(folder, suffixes)[0])


def list_folder(folder: Path, suffixes: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Names of the slices, and of everything else.

    A link that leads nowhere counts as a slice that is missing.
    """
    names, skipped = [], []
    try:
        for name, is_folder, is_file in entries_of(folder):
            wanted = name.casefold().endswith(suffixes) and not name.startswith(".")
            if is_folder:
                skipped.append(f"{name}/")
            elif wanted and is_file:
                names.append(name)
            else:
                skipped.append(name)
    except OSError as error:
        what = f"cannot be listed ({error.strerror or error})"
        raise InputError(f"{folder}: {what}; check its permissions") from error
    return sorted(names, key=natural_key), sorted(skipped, key=natural_key)


def look_at_each(
    folder: Path, names: Sequence[str], look: Callable[[Path], Header], *, tolerant: bool
) -> tuple[dict[str, Header], dict[str, str]]:
    """What is known of the files that are alike, and what is wrong with the others.

    Raises
    ------
    InputError
        If some cannot be used; if ``tolerant``, only where none can.
    """
    # Each by itself.
    headers, bad = {}, {}
    for name in names:
        try:
            headers[name] = look(folder / name)
        except NotReached:
            raise
        except InputError as error:
            bad[name] = str(error)
    if bad and not (tolerant and headers):
        raise all_errors(list(bad.values()))

    # All together: one shape and type.
    infos = [header.info for header in headers.values()]
    usual = Counter(infos).most_common(1)[0][0] if tolerant else infos[0]
    different = [(name, header.info) for name, header in headers.items() if header.info != usual]
    if different and not tolerant:
        raise difference_error(names[0], usual, different)
    for name, info in different:
        bad[name] = f"{name}: {difference_text(info, usual)}"
        del headers[name]
    return headers, bad


def all_errors(errors: Sequence[str]) -> InputError:
    """One error that names the files that stand in the way, the first ten of them."""
    more = [f"and {len(errors) - 10} more files"] if len(errors) > 10 else []
    return InputError("\n".join([*errors[:10], *more]))


def difference_text(info: Any, usual: Any) -> str:
    """What is wrong with a slice that is not like the others."""
    return f"is {info}, the others are {usual}; replace it"


def difference_error(first_name: str, first: Any, others: Sequence[tuple[str, Any]]) -> InputError:
    """The error that names the slices which are not like the first."""
    some = ", ".join(f"{name} is {info}" for name, info in others[:5])
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    return InputError(
        f"slices differ: {first_name} is {first}, but {some}{more}; "
        "a stack needs slices of one shape and type: move the odd ones away"
    )


def odd_sizes(
    label: str, sizes: Mapping[str, Metadata]
) -> tuple[dict[str, Metadata], tuple[str, ...]]:
    """The pixel sizes of slices that have another one than the first, and a note on them."""
    first, usual = next(iter(sizes.items()))
    odd = {name: size for name, size in sizes.items() if size != usual}
    said = [f"{name} is {size}" for name, size in odd.items() if str(size) != str(usual)]
    if not said:
        return odd, ()
    more = f" and {len(said) - 1} more" if len(said) > 1 else ""
    what = f"slices differ in pixel size: {first} is {usual}, but {said[0]}{more}"
    return odd, (f"{label}: {what}",)


@dataclass(frozen=True, kw_only=True)
class SlicesReader(Reader):
    """Reads slices that are files of their own, all of one kind.

    Attributes
    ----------
    files
        The names of the slices.
    info
        What the header of each says.
    bad
        What is wrong with those that cannot be used, by name.
    """

    folder: Path
    files: tuple[str, ...]
    info: Any
    bad: Mapping[str, str]

    def looked_at_again(self, name: str, look: Callable[[Path], Any]) -> tuple[str, Any]:
        """Where a slice stands, and its header, which is what it was when the stack was opened.

        Raises
        ------
        BadSlice
            If it cannot be used, or is another by now.
        """
        if name in self.bad:
            raise BadSlice(self.bad[name])
        where = name if name == self.label else f"{self.label}/{name}"
        try:
            info = look(self.folder / name)
        except (BadSlice, NotReached):
            raise
        except InputError as error:
            raise BadSlice(str(error)) from error
        if info != self.info:
            what = f"has changed since it was opened, expected {self.info}, got {info}"
            raise BadSlice(f"{where}: {what}; run again")
        return where, info
