"""A stack written as a folder of single-page TIFF files."""

from __future__ import annotations

from pathlib import Path

from stackmend.disk import remedy
from stackmend.errors import InputError, OutputError
from stackmend.stacks.files import new_file
from stackmend.stacks.interface import Pixels, Slice, Writer
from stackmend.stacks.tiff.pages import first_of, open_tiff
from stackmend.stacks.tiff.writing import write_page


class TiffFolderWriter(Writer):
    """Writes a folder of TIFF slices; a slice is there completely or not at all."""

    def create(self) -> None:
        """Make the folder."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"cannot be made ({error.strerror})"
            raise OutputError(f"{self.path}: {what}; {remedy(error)}") from error

    def opens(self) -> bool:
        """Whether there is the folder: each of its files stands for itself."""
        return self.path.is_dir()

    def write(self, position: int, new: Slice, channel: int = 0) -> None:
        """Write one slice."""
        with new_file(self.file_of(position, channel)) as file:
            write_page(file, new, self.layout, self.layout.metadata_at(position))

    def read_back(self, position: int, channel: int = 0) -> Pixels | None:
        """The pixels of a slice's file."""
        file = self.file_of(position, channel)
        try:
            with open_tiff(file) as tif:
                return first_of(tif, file.name)
        except InputError:
            return None

    def leave_out(self, position: int, channel: int = 0) -> None:
        """No file for this slice."""
        self.file_of(position, channel).unlink(missing_ok=True)

    def file_of(self, position: int, channel: int) -> Path:
        """The file of a slice; where there are several channels, the name says which."""
        name = Path(self.layout.names[position])
        if self.layout.channels == 1:
            return self.path / name.name
        return self.path / f"{name.stem}_c{channel}{name.suffix}"
