"""Steps whose schemas are wrong."""

from __future__ import annotations

from stackmend.registry import IMAGE, Stage, Step


def unchanged(image, *, strength):
    """The slice as it is."""
    return image


def _step(name, properties):
    return Step(
        name=name,
        version=1,
        stages=(Stage(unchanged, makes=IMAGE),),
        schema={"properties": properties},
    )


DIFFERS = _step("schema_differs", {"stength": {"type": "number", "default": 1}})
INVALID = _step("schema_invalid", {"strength": {"type": "nubmer", "default": 1}})
NO_DEFAULT = _step("no_default", {"strength": {"type": "number"}})
