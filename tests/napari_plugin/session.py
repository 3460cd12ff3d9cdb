"""What a person does in a viewer without a screen; run in a process of its own.

``session.py RESULT PROTOCOL WRONG`` opens a result, tunes it, opens a protocol and a wrong one. For
each it prints a line of JSON with what was seen.
"""

from __future__ import annotations

import json
import os
import sys
from ctypes import c_int, c_long
from pathlib import Path
from time import monotonic, sleep

NO_OPENGL = 77
"""Status on a machine that has no OpenGL without a screen."""

PATIENCE = 300
"""Seconds after which what should have happened is given up; no outcome depends on them."""

os.environ |= {"QT_QPA_PLATFORM": "offscreen", "PYOPENGL_PLATFORM": "egl"}
os.environ |= {"EGL_PLATFORM": "surfaceless", "NAPARI_CONFIG": ""}


def open_gl() -> None:
    """Make a context of OpenGL, which Qt has none of without a screen, and napari needs."""
    try:
        from OpenGL import EGL
        from OpenGL.error import Error
    except (ImportError, AttributeError):
        sys.exit(NO_OPENGL)
    try:
        display = EGL.eglGetDisplay(EGL.EGL_DEFAULT_DISPLAY)
        EGL.eglInitialize(display, c_long(), c_long())
        EGL.eglBindAPI(EGL.EGL_OPENGL_API)
        wanted = (EGL.EGL_SURFACE_TYPE, EGL.EGL_PBUFFER_BIT, EGL.EGL_NONE)
        config = (EGL.EGLConfig * 1)()
        EGL.eglChooseConfig(display, (c_int * 3)(*wanted), config, 1, c_long())
        context = EGL.eglCreateContext(display, config[0], EGL.EGL_NO_CONTEXT, None)
        size = (EGL.EGL_WIDTH, 64, EGL.EGL_HEIGHT, 64, EGL.EGL_NONE)
        surface = EGL.eglCreatePbufferSurface(display, config[0], (c_int * 5)(*size))
        EGL.eglMakeCurrent(display, surface, surface, context)
    except Error:
        sys.exit(NO_OPENGL)


def say(what, **seen):
    print(json.dumps({"what": what, **seen}), flush=True)


def wait(condition):
    """Let the window work until something holds."""
    from qtpy.QtWidgets import QApplication

    until = monotonic() + PATIENCE
    while not condition() and monotonic() < until:
        QApplication.processEvents()
        sleep(0.005)
    return bool(condition())


def layers_of(viewer):
    """The layers by what they show."""
    from stackmend.napari_plugin.shown import source_of

    return {source_of(layer).kind: layer for layer in viewer.layers}


class Person:
    """Tunes the result that is open in a viewer."""

    def __init__(self, viewer):
        self.viewer, self.layers = viewer, layers_of(viewer)
        self.dock, widget = viewer.window.add_plugin_dock_widget("stackmend", "Tuner")
        self.tuning = widget.tuning

    def sees(self, what, **more):
        """Say whether the slice is shown, as the preview makes it of what is on the screen."""
        import numpy as np

        from stackmend.napari_plugin.source import preview, state_of

        tuning, state = self.tuning, state_of(self.tuning.history.now)
        position = tuning.shown.position(tuning.state)
        shown = wait(lambda: tuning.shown.knows(tuning.state, position))
        made = preview().products(state, state.job.slices[position], 0, ("after", "mask"))
        exact = [
            bool(np.array_equal(self.layers[kind].data[position], made[kind]))
            for kind in ("after", "mask")
        ]
        say(what, position=position, shown=shown, exact=exact, **more)

    def tune(self):
        tuning, after = self.tuning, self.layers["after"]
        self.viewer.dims.set_current_step(0, 1)
        stored = after.data[1].copy()
        say("opened", stored=tuning.shown.stored, fields=sorted(tuning.form.editors))
        slider = tuning.form.editors["find_charging.gf1_sigma"].widget.layout().itemAt(0).widget()
        box = tuning.form.editors["find_charging.min_area"].widget.layout().itemAt(1).widget()

        box.setValue(400)
        self.sees("moved")
        say("changed", changed=bool((after.data[1] != stored).any()))
        for place in (150, 20, 90):  # none of these is waited for
            slider.setValue(place)
        self.sees("moved on", values=dict(tuning.history.now.values))
        self.viewer.dims.set_current_step(0, 2)
        self.sees("looked")
        tuning.save(str(Path(sys.argv[2]).with_name("tuned.yaml")))
        say("saved", said=tuning.says.text())
        tuning.undo()
        tuning.undo()
        self.viewer.dims.set_current_step(0, 1)
        self.sees("undone")
        say("as before", same=bool((after.data[1] == stored).all()))
        self.viewer.window.remove_dock_widget(self.dock)
        self.viewer.dims.set_current_step(0, 0)
        self.sees_without_widget()

    def sees_without_widget(self):
        import numpy as np

        stored = np.asarray(self.layers["after"].data)
        say("closed", docked=self.tuning.is_docked(), black=bool((stored == 0).all((1, 2)).any()))


def main(result, protocol, wrong):
    import napari
    from napari.utils.notifications import notification_manager

    from stackmend.napari_plugin.shown import source_of

    viewer = napari.Viewer(show=False)
    viewer.open(result, plugin="stackmend")
    for kind, layer in layers_of(viewer).items():
        units = [str(unit) for unit in layer.units]
        say("layer", kind=kind, scale=list(layer.scale), units=units, shape=list(layer.data.shape))
    Person(viewer).tune()
    viewer.layers.clear()
    _, widget = viewer.window.add_plugin_dock_widget("stackmend", "Tuner")
    viewer.open(protocol, plugin="stackmend")
    taken = wait(lambda: widget.tuning.shown is not None)
    say("protocol", kinds=[source_of(layer).kind for layer in viewer.layers], taken=taken)
    viewer.layers.clear()
    viewer.open(wrong, plugin="stackmend")
    said = [str(each.message) for each in notification_manager.records]
    say("wrong", layers=len(viewer.layers), said=said)
    viewer.close()


if __name__ == "__main__":
    open_gl()
    main(*sys.argv[1:])
