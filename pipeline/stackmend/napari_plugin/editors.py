"""What a value is edited with, from what the schema says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QSlider,
    QSpinBox,
    QWidget,
)

_LARGEST = 2**31 - 1
_STEPS = 200
"""Places of a slider."""

_WIDE = 20
"""From here on the ends of a range are so far apart that a slider is logarithmic."""

Control = Mapping[str, Any]
"""A parameter in the words of ``preview.controls``."""


@dataclass(frozen=True)
class Editor:
    """A widget, and what puts a value into it without telling anybody."""

    widget: Any
    put: Callable[[Any], None]


def editor_of(control: Control, moved: Callable[[Any], None]) -> Editor:
    """What fits the type of a parameter.

    Parameters
    ----------
    control
        The parameter.
    moved
        Is told of a value that a person has set; a text where only text will do.
    """
    kind = "other" if control["nullable"] else control["type"]
    if kind == "boolean":
        editor = _tick(moved)
    elif kind == "choice":
        editor = _choice(control["choices"], moved)
    elif kind in ("integer", "number"):
        editor = _number(control, moved)
    else:
        editor = _text(moved)
    editor.widget.setToolTip(control["description"])
    editor.put(control["value"])
    return editor


def _tick(moved: Callable[[Any], None]) -> Editor:
    box = QCheckBox()
    box.clicked.connect(moved)
    return Editor(box, lambda value: box.setChecked(bool(value)))


def _choice(choices: list[Any], moved: Callable[[Any], None]) -> Editor:
    box = QComboBox()
    box.addItems([str(choice) for choice in choices])
    box.activated.connect(lambda at: moved(choices[at]))

    def put(value: Any) -> None:
        box.setCurrentIndex(choices.index(value) if value in choices else -1)

    return Editor(box, put)


def _text(moved: Callable[[Any], None]) -> Editor:
    line = QLineEdit()
    shown = [""]

    def edited() -> None:
        if line.text() != shown[0]:
            shown[0] = line.text()
            moved(line.text())

    def put(value: Any) -> None:
        shown[0] = as_text(value)
        line.setText(shown[0])

    line.editingFinished.connect(edited)
    return Editor(line, put)


def as_text(value: Any) -> str:
    """A value as it is written in YAML on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(as_text, value))}]"
    plain = {None: "null", True: "true", False: "false"}
    return plain[value] if value is None or isinstance(value, bool) else str(value)


def _number(control: Control, moved: Callable[[Any], None]) -> Editor:
    """A field for a number, and a slider over what is typical, or possible."""
    whole = control["type"] == "integer"
    box = QSpinBox() if whole else QDoubleSpinBox()
    box.setKeyboardTracking(False)
    if not whole:
        box.setDecimals(6)
        box.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
    low = _first(control, "minimum", "exclusiveMinimum", -_LARGEST)
    high = _first(control, "maximum", "exclusiveMaximum", _LARGEST)
    box.setRange(math.ceil(low) if whole else low, math.floor(high) if whole else high)
    ends = control["typical"] or [low, high]
    if ends[1] - ends[0] >= _LARGEST:
        box.valueChanged.connect(moved)
        return Editor(box, lambda value: _quietly(box, value))
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, _STEPS)
    slider.setTracking(True)

    def slid(place: int) -> None:
        value = _value_at(place / _STEPS, ends)
        value = round(value) if whole else float(f"{value:.3g}")
        _quietly(box, value)
        moved(value)

    def put(value: Any) -> None:
        _quietly(box, value)
        _quietly(slider, round(_place_of(box.value(), ends) * _STEPS))

    def typed(value: Any) -> None:
        put(value)
        moved(value)

    slider.valueChanged.connect(slid)
    box.valueChanged.connect(typed)
    return Editor(_beside(slider, box), put)


def _first(control: Control, name: str, other: str, default: float) -> float:
    values = (control[name], control[other], default)
    return next(value for value in values if value is not None)


def _beside(*widgets: Any) -> Any:
    both = QWidget()
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        row.addWidget(widget)
    return both


def _quietly(widget: Any, value: Any) -> None:
    """Put a value that nobody is told of; what is no number is left to the line of problems."""
    if not isinstance(value, int | float):
        return
    before = widget.blockSignals(True)
    widget.setValue(value)
    widget.blockSignals(before)


def _is_wide(ends: list[float]) -> bool:
    return ends[0] > 0 and ends[1] / ends[0] >= _WIDE


def _value_at(share: float, ends: list[float]) -> float:
    """The value at a share of the way from one end to the other."""
    low, high = ends
    if _is_wide(ends):
        return float(low * (high / low) ** share)
    return low + (high - low) * share


def _place_of(value: float, ends: list[float]) -> float:
    """The share of the way at which a value lies, between 0 and 1."""
    low, high = ends
    if _is_wide(ends):
        share = math.log(max(value, low) / low) / math.log(high / low)
    else:
        share = (value - low) / (high - low)
    return min(max(share, 0.0), 1.0)
