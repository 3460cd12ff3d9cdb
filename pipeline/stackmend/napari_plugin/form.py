"""The fields of a protocol: its steps, one below the other, with what can be moved in each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QGroupBox, QLabel, QScrollArea, QVBoxLayout, QWidget

from stackmend.napari_plugin.editors import Control, Editor, editor_of

Steps = list[dict[str, Any]]
"""Steps in the words of ``preview.controls``."""


class Form:
    """Fields that follow a protocol; they are made anew only where its steps are others.

    Parameters
    ----------
    moved
        Is told of a parameter and the value that a person has set.
    """

    def __init__(self, moved: Callable[[str, Control, Any], None]) -> None:
        self._moved = moved
        self._steps: list[tuple[str, tuple[Any, ...]]] = []
        self._known: dict[str, Control] = {}
        self.editors: dict[str, Editor] = {}
        self.widget = QScrollArea()
        self.widget.setWidgetResizable(True)
        self.widget.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show(self, steps: Steps) -> None:
        """Show steps with their values."""
        names = [(step["id"], tuple(step["path"])) for step in steps]
        self._known = {
            f"{step['id']}.{each['name']}": each for step in steps for each in step["parameters"]
        }
        if names != self._steps:
            self._steps = names
            self._build(steps)
        for name, control in self._known.items():
            self.editors[name].put(control["value"])

    def _build(self, steps: Steps) -> None:
        self.editors = {}
        inside = QWidget()
        column = QVBoxLayout(inside)
        for step in steps:
            box = QGroupBox(step["id"])
            box.setToolTip(step["problem"] or step["description"])
            rows = QFormLayout(box)
            rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
            for control in step["parameters"]:
                name = f"{step['id']}.{control['name']}"
                self.editors[name] = editor_of(control, self._told(name))
                rows.addRow(_label(control), self.editors[name].widget)
            column.addWidget(box)
        column.addStretch()
        self.widget.setWidget(inside)

    def _told(self, name: str) -> Callable[[Any], None]:
        return lambda value: self._moved(name, self._known[name], value)


def _label(control: Control) -> Any:
    """The name of a parameter, with its unit; whether it is swept stands there, too."""
    unit = f" ({control['unit']})" if control["unit"] else ""
    swept = " ↔" if control["sweep"] is not None else ""
    label = QLabel(f"{control['title']}{unit}{swept}")
    label.setWordWrap(True)
    label.setToolTip(control["description"])
    return label
