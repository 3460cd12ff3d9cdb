"""The tuner as a dock widget: fields for the steps of a protocol, beside the slice they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from stackmend.errors import Problem, StackmendError, UsageError
from stackmend.napari_plugin.editors import Control
from stackmend.napari_plugin.form import Form
from stackmend.napari_plugin.shown import Shown, document_in
from stackmend.napari_plugin.source import state_of
from stackmend.napari_plugin.work import Made, Work
from stackmend.preview import State
from stackmend.preview.controls import step_controls
from stackmend.preview.document import Document, History, alternatives
from stackmend.preview.saving import SUFFIXES, save

NOTHING = "Open a result of stackmend, or a protocol (File > Open), to tune it."

_SHOWN = 5
"""Problems that are shown at once."""


class Tuner(QWidget):
    """The widget for a viewer, as the manifest names it; a ``Tuning`` serves it."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.tuning = Tuning(napari_viewer, self)


class Tuning:
    """A protocol that is being edited beside its layers.

    What is shown is what the text says: each move is an edit of the text, or of the values on the
    screen for what is swept, and can be undone.

    Parameters
    ----------
    viewer
        Of napari.
    widget
        What it fills.
    """

    def __init__(self, viewer: Any, widget: Any) -> None:
        self.viewer, self.widget = viewer, widget
        self.history: History | None = None
        self.state: State | None = None
        self.shown: Shown | None = None
        self.work = Work(self._made)
        self._lay_out()
        self.open()
        viewer.dims.events.point.connect(self._looked)
        viewer.layers.events.inserted.connect(self._inserted)

    # What a person does.

    def open(self) -> None:
        """Take the protocol of the selected layer, or of the one that was added last."""
        document = document_in(self.viewer)
        if document is None:
            self.says.setText(NOTHING)
            return
        self.history = History(document)
        self.shown = Shown(self.viewer, document, self.is_docked)
        self.chain.clear()
        self.chain.addItems(alternatives(document.data))
        self.chain.setVisible(self.chain.count() > 0)
        self._examine()

    def move(self, name: str, control: Control, value: Any) -> None:
        """Set a parameter; of a swept one the value on the screen, and the sweep stays."""
        if self.history is None:
            return
        now = self.history.now
        try:
            if isinstance(value, str) and control["type"] != "choice":
                value = _understood(name, value)
            if control["sweep"] is not None:
                new = now.with_current(name, value)
            else:
                new = now.with_value(tuple(control["path"]), value)
        except StackmendError as error:
            self.says.setText(str(error))
            return
        self.history.do(new, gesture=name)
        self._examine()

    def undo(self) -> None:
        """Take back what was done last."""
        if self.history is not None:
            self.history.undo()
            self._examine()

    def redo(self) -> None:
        """Do again what was taken back."""
        if self.history is not None:
            self.history.redo()
            self._examine()

    def look_at(self, name: str) -> None:
        """Show another one of several chains."""
        if self.history is not None:
            self.history.do(self.history.now.with_alternative(name))
            self._examine()

    def save(self, file: str = "") -> None:
        """Save the protocol to a file that a person names."""
        if self.history is None:
            return
        now = self.history.now
        if not file:
            endings = " ".join(f"*{suffix}" for suffix in SUFFIXES)
            place = str(now.base / f"{Path(now.name).stem}-tuned{SUFFIXES[0]}")
            file, _ = QFileDialog.getSaveFileName(
                self.widget, "Save protocol", place, f"Protocols ({endings})"
            )
        if not file:
            return
        path, freeze = Path(file), self.freeze.isChecked()
        try:
            saved = save(now, path.name, folder=path.parent, replace=True, freeze=freeze)
        except StackmendError as error:
            self.says.setText(str(error))
            return
        self.says.setText(f"Saved. To run it: {saved.command}")

    # What follows from it.

    def is_docked(self) -> bool:
        """Whether the widget is in a window, so that it makes the slices that are looked at."""
        try:
            return self.widget.parent() is not None
        except RuntimeError:  # Qt has deleted it
            return False

    def _examine(self) -> None:
        """Look at the text as ``check`` does, and show what it makes of the slice."""
        assert self.history is not None
        assert self.shown is not None
        now = self.history.now
        state = state_of(now)
        alternative = state.alternative or now.alternative
        steps = step_controls(now)
        self.form.show([step for step in steps if step["alternative"] in (None, alternative)])
        self.chain.setCurrentText(alternative)
        self.undoing.setEnabled(self.history.can_undo)
        self.redoing.setEnabled(self.history.can_redo)
        self.says.setText(_as_text(state.problems))
        if state.job is None:  # the pictures of the last sound text stay
            self.work.cancel()
            return
        self.state = state
        self.shown.complete(state)
        if not self.shown.stored or self.history.can_undo or self.history.can_redo:
            self._ask()

    def _ask(self) -> None:
        """Have the slice made that is looked at, unless it is there."""
        if self.state is None or self.state.job is None or self.shown is None:
            return
        position = self.shown.position(self.state)
        if self.shown.knows(self.state, position):
            return
        number = self.state.job.slices[position]
        self.doing.setText(f"slice {number}: being made")
        self.work.ask(self.state, position, number)

    def _made(self, made: Made) -> None:
        """Show what was made."""
        assert self.shown is not None
        assert made.state.job is not None
        self.doing.setText(f"slice {made.state.job.slices[made.position]}: {made.status}")
        if made.error:
            self.says.setText(made.error)
            return
        self.shown.show(made)

    def _looked(self) -> None:
        if self.shown is None or not self.is_docked():
            return
        if not self.shown.stored:
            self._ask()

    def _inserted(self) -> None:
        """Look for a protocol once all layers of a file are there, not only the first."""
        QTimer.singleShot(0, self._adopt)

    def _adopt(self) -> None:
        if self.is_docked() and (self.shown is None or not self.shown.is_there):
            self.open()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self.widget)
        self.chain = QComboBox()
        self.chain.textActivated.connect(self.look_at)
        self.chain.setVisible(False)
        self.form = Form(self.move)
        self.freeze = QCheckBox("values in place of sweeps")
        self.freeze.setToolTip("What is saved then searches nothing, and makes what is shown.")
        self.doing, self.says = QLabel(""), QLabel("")
        self.says.setWordWrap(True)
        self.says.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        opening = _button("Take the selected layer", self.open)
        self.undoing, self.redoing = _button("Undo", self.undo), _button("Redo", self.redo)
        saving = _button("Save ...", self.save)
        for row in ((opening, self.undoing, self.redoing), (self.freeze, saving)):
            line = QHBoxLayout()
            for each in row:
                line.addWidget(each)
            column.addLayout(line)
        for widget in (self.chain, self.form.widget, self.doing, self.says):
            column.addWidget(widget)


def _button(text: str, pressed: Any) -> Any:
    button = QPushButton(text)
    button.clicked.connect(lambda: pressed())
    return button


def _understood(name: str, text: str) -> Any:
    """The value that a text stands for in a protocol.

    Raises
    ------
    UsageError
        If it stands for none.
    """
    value = Document(text, base=Path()).data
    if value is None and text.strip() not in ("", "~", "null"):
        raise UsageError(f"{name}: cannot be understood, got {text}; write it as in the protocol")
    return value


def _as_text(problems: tuple[Problem, ...]) -> str:
    """The first problems, each with its place."""
    lines = [f"{each.path or 'protocol'}: {each.message}" for each in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"and {len(problems) - _SHOWN} more")
    return "\n".join(lines)
