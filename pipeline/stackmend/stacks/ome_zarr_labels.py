"""Labels inside an OME-Zarr: an image of whole numbers that says what each pixel of another is."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

from stackmend.stacks.interface import Pixels
from stackmend.stacks.ome_zarr_writer import OmeZarrWriter

_COLOUR = (255, 140, 0, 255)
"""In which viewers show what is marked: red, green, blue, opacity."""


class OmeZarrLabelsWriter(OmeZarrWriter):
    """Writes the only labels of an OME-Zarr 0.5, whose path is ``IMAGE/labels/NAME``."""

    shrinking: ClassVar[str] = "nearest"

    def create(self) -> None:
        """Write the descriptions, at last the list in which the labels are found."""
        super().create()
        self._write_group(self.path.parent, self._listed())

    def opens(self) -> bool:
        """Whether there are all descriptions."""
        file = self.path.parent / ("zarr.json" if self.zarr_format == 3 else ".zattrs")
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            listed = (found["attributes"] if self.zarr_format == 3 else found) == self._listed()
        # Whatever else may stand there.
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False
        return listed and super().opens()

    def _listed(self) -> dict[str, Any]:
        """What is said of all labels of the image."""
        names = {"labels": [self.path.name]}
        return {"ome": {"version": self.version, **names}} if self.zarr_format == 3 else names

    def _attributes(self) -> dict[str, Any]:
        """The metadata of the labels, instead of those by which an image is shown."""
        label: dict[str, Any] = {
            "version": self.version,
            "colors": [{"label-value": 1, "rgba": list(_COLOUR)}],
            "source": {"image": "../../"},
        }
        return {"multiscales": [self._multiscale()], "image-label": label}

    def _shrunk(self, image: Pixels) -> Pixels:
        """One of each 2 x 2 pixels, as a mean would be no label."""
        return image[::2, ::2]


class OmeZarr04LabelsWriter(OmeZarrLabelsWriter):
    """Writes those of an OME-Zarr 0.4."""

    version: ClassVar[str] = "0.4"
    zarr_format: ClassVar[Literal[2, 3]] = 2
