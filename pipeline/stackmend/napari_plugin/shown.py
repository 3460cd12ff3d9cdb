"""The layers of one protocol in a viewer, and what is put into them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from stackmend.napari_plugin.layers import OWN, computed_layers, tell
from stackmend.napari_plugin.planes import KnownPlanes
from stackmend.napari_plugin.source import AFTER, BEFORE, KINDS, Source, dtype_of, maker
from stackmend.napari_plugin.work import Made
from stackmend.preview import State
from stackmend.preview.document import Document


def source_of(layer: Any) -> Source | None:
    """What a layer was made of, if it was made here."""
    source = layer.metadata.get(OWN)
    return source if isinstance(source, Source) else None


def document_in(viewer: Any) -> Document | None:
    """The protocol of the selected layer, or of the one that was added last."""
    layers = [viewer.layers.selection.active, *reversed(viewer.layers)]
    sources = [source_of(layer) for layer in layers if layer is not None]
    return next((source.document for source in sources if source is not None), None)


class Shown:
    """The layers that show a protocol.

    Parameters
    ----------
    viewer
        Of napari.
    document
        The protocol as it was opened; the layers of its result are taken over.
    tended
        Whether somebody makes the slices that are looked at.
    """

    def __init__(self, viewer: Any, document: Document, tended: Callable[[], bool]) -> None:
        self._viewer, self._document, self._tended = viewer, document, tended
        self._revision = 0
        self._layers: dict[tuple[str, int], Any] = {}
        self._find()

    @property
    def stored(self) -> bool:
        """Whether what a run has written is still shown."""
        after = self._layers.get((AFTER, 0))
        source = None if after is None else source_of(after)
        return source is not None and source.stored

    @property
    def is_there(self) -> bool:
        """Whether any of its layers is in the viewer."""
        return bool(self._present())

    def complete(self, state: State) -> None:
        """Add the layers that are missing of a sound protocol."""
        assert state.job is not None
        for channel in range(len(state.job.readers)):
            missing = [kind for kind in KINDS if (kind, channel) not in self._layers]
            for data, attributes, kind in computed_layers(
                self._document, state, missing, [channel]
            ):
                add = self._viewer.add_labels if kind == "labels" else self._viewer.add_image
                add(data, **attributes)
        self._find()

    def position(self, state: State) -> int:
        """Which slice of the output is looked at."""
        assert state.job is not None
        layer = next(iter(self._layers.values()))
        place = layer.world_to_data(self._viewer.dims.point)[0]
        return int(np.clip(round(place), 0, len(state.job.slices) - 1))

    def knows(self, state: State, position: int) -> bool:
        """Whether all that is to be seen of a slice was made already."""
        planes = [layer.data for layer in self._present().values()]
        if self._revision != state.revision:
            return False
        return all(each.knows(position) for each in planes if isinstance(each, KnownPlanes))

    def show(self, made: Made) -> None:
        """Put a slice into the layers; after a change of the protocol, in place of all others."""
        fresh = made.state.revision != self._revision
        self._revision = made.state.revision
        for (kind, channel), layer in self._present().items():
            planes = self._planes(layer, kind, channel, made.state) if fresh else layer.data
            planes.put(made.position, made.products[channel][kind])
            if fresh:
                layer.data = planes
            else:
                layer.refresh()

    def _planes(self, layer: Any, kind: str, channel: int, state: State) -> KnownPlanes:
        """Planes of a state of the protocol, of which nothing is known yet."""
        assert state.job is not None
        source = source_of(layer)
        assert source is not None
        source = replace(source, numbers=state.job.slices, stored=False)
        layer.metadata[OWN] = source
        waited_for = kind == BEFORE  # it is only read
        return KnownPlanes(
            state.job.shape,
            dtype_of(state, kind),
            maker(state, source, tell),
            lambda: not waited_for and self._tended(),
        )

    def _find(self) -> None:
        """Look for the layers of this protocol."""
        for layer in self._viewer.layers:
            source = source_of(layer)
            if source is not None and _same(source.document, self._document):
                self._layers.setdefault((source.kind, source.channel), layer)

    def _present(self) -> dict[tuple[str, int], Any]:
        """The layers that nobody has taken away."""
        there = {layer.unique_id for layer in self._viewer.layers}
        return {key: layer for key, layer in self._layers.items() if layer.unique_id in there}


def _same(one: Document, other: Document) -> bool:
    """Whether two are the same protocol of the same place, whatever is on the screen."""
    return (one.text, one.base, one.name) == (other.text, other.base, other.name)
