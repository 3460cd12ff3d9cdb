"""What a person does in a viewer without a screen, in a process of its own.

``session.py RESULT PROTOCOL`` opens a result, tunes it, and opens what is none; it prints a line of
JSON for what was seen.
"""

from __future__ import annotations

import json
import os
import sys
from ctypes import c_int, c_long
from pathlib import Path
from time import monotonic, sleep

NO_OPENGL = 77
"""Status of a machine that has no OpenGL without a screen."""

os.environ |= {"QT_QPA_PLATFORM": "offscreen", "PYOPENGL_PLATFORM": "egl"}
os.environ |= {"EGL_PLATFORM": "surfaceless", "NAPARI_CONFIG": ""}


def open_gl() -> None:
    """A context of OpenGL without a screen: Qt's platform without one has none."""
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


def say(what: str, **seen: object) -> None:
    print(json.dumps({"what": what, **seen}), flush=True)


def wait(condition, seconds: float = 60) -> bool:
    """Let the window work until something holds."""
    from qtpy.QtWidgets import QApplication

    until = monotonic() + seconds
    while not condition() and monotonic() < until:
        QApplication.processEvents()
        sleep(0.005)
    return bool(condition())


def layers_of(viewer) -> dict[str, object]:
    """By what they show."""
    from stackmend.napari_plugin.shown import source_of

    return {source_of(layer).kind: layer for layer in viewer.layers}


def main(result: str, protocol: str) -> None:
    import napari
    import numpy as np

    viewer = napari.Viewer(show=False)
    viewer.open(result, plugin="stackmend")
    layers = layers_of(viewer)
    for kind, layer in layers.items():
        units = [str(unit) for unit in layer.units]
        say("layer", kind=kind, scale=list(layer.scale), units=units, shape=list(layer.data.shape))
    stored = np.asarray(layers["after"].data[1])

    tune(viewer, layers, stored)
    viewer.layers.clear()
    viewer.open(protocol, plugin="stackmend")
    say("protocol", kinds=sorted(layers_of(viewer)))
    viewer.close()


def tune(viewer, layers, stored) -> None:
    """Open the widget, move a value, undo it, look at another slice, save, and close it."""
    import numpy as np

    from stackmend.napari_plugin.source import preview, state_of

    dock, widget = viewer.window.add_plugin_dock_widget("stackmend", "Tuner")
    tuning, after = widget.tuning, layers["after"]
    viewer.dims.set_current_step(0, 1)
    say("opened", stored=tuning.shown.stored, fields=sorted(tuning.form.editors))

    def is_shown() -> bool:
        return tuning.shown.knows(tuning.state, tuning.shown.position(tuning.state))

    def exact(position: int) -> bool:
        """Whether the layers show what the preview makes of what is on the screen."""
        state = state_of(tuning.history.now)
        made = preview().products(state, state.job.slices[position], 0, ("after", "mask"))
        images = zip((after, layers["mask"]), made.values(), strict=False)
        made = {"after": made["after"], "mask": made["mask"]}
        images = [(layers[kind].data[position], made[kind]) for kind in made]
        return all(np.array_equal(shown, expected) for shown, expected in images)

    name = "find_charging.color_shift"
    slider = tuning.form.editors[name].widget.layout().itemAt(1).widget()
    slider.setValue(0.3)
    say("moved", shown=wait(is_shown), exact=exact(1), same=bool((after.data[1] == stored).all()))
    for value in (0.2, 0.25, 0.15):  # none of these is waited for
        slider.setValue(value)
    say("moved on", shown=wait(is_shown), exact=exact(1))
    tuning.undo()
    say("undone", shown=wait(is_shown), exact=exact(1), same=bool((after.data[1] == stored).all()))
    viewer.dims.set_current_step(0, 2)
    say("looked", shown=wait(is_shown), exact=exact(2))
    tuning.save(str(Path(sys.argv[2]).with_name("tuned.yaml")))
    say("saved", said=tuning.says.text())
    viewer.window.remove_dock_widget(dock)
    say("closed", docked=tuning.is_docked(), exact=exact(0))


if __name__ == "__main__":
    open_gl()
    main(*sys.argv[1:])
