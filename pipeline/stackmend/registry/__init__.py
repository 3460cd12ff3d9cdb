"""Steps and losses: what they declare about themselves, and where they are found.

A step is made of stages. A stage is a pure function whose positional parameters are the names of
the products it reads and whose keyword-only parameters are the parameters it takes; it makes one
product. The chain, the search, the plan and the check all work from this declaration and from
nothing else.

How to read it: ``Stage`` is the unit of work, ``Step`` and ``Loss`` are what people write, made of
stages; ``Survey`` is what a step must know of other slices, ``Keeps`` which part of the stack it
leaves, ``Reslices`` which other slices it makes, ``Recovery`` how it is tested on a known fault,
``Show`` what people see of it; ``family`` makes one step of several variants. ``Catalogue`` finds
them by name. ``chain`` binds steps to values and compiles them to a graph of stages.

Built-in components are the modules of the folders ``steps`` and ``losses``, one each, named as the
module. Other packages register theirs through the entry-point groups ``stackmend.steps`` and
``stackmend.losses``; the entry point's name is the component's name, its value the ``Step`` or
``Loss``. Nothing is imported before it is needed.
"""

from stackmend.registry.catalogue import Catalogue, RegistryError, losses, of_entry, steps
from stackmend.registry.components import (
    FAILED,
    METHOD,
    NOTHING_FOUND,
    UNDEFINED,
    Component,
    Hiding,
    Keeps,
    Loss,
    Recovery,
    Reference,
    Step,
    Undefined,
)
from stackmend.registry.loaded import LoadedFile, decisive
from stackmend.registry.marks import about_marks
from stackmend.registry.products import (
    ASKED_PIXELS,
    FRAME,
    HIDDEN_RESULTS,
    IMAGE,
    INITIAL_IMAGE,
    LOSS,
    MASK,
    PROBE_RESULTS,
    PROBES,
    REFERENCE_MASK,
    UNRESTORED,
    Probe,
    Window,
)
from stackmend.registry.reslicing import Resliced, Reslices
from stackmend.registry.shows import IMAGE_BEFORE, Picture, Plot, Show
from stackmend.registry.stages import Each, Stage, Survey, Unsettled, taken_by
from stackmend.registry.variants import family, in_use, methods_of, owners_of

__all__ = [
    "ASKED_PIXELS",
    "FAILED",
    "FRAME",
    "HIDDEN_RESULTS",
    "IMAGE",
    "IMAGE_BEFORE",
    "INITIAL_IMAGE",
    "LOSS",
    "MASK",
    "METHOD",
    "NOTHING_FOUND",
    "PROBES",
    "PROBE_RESULTS",
    "REFERENCE_MASK",
    "UNDEFINED",
    "UNRESTORED",
    "Catalogue",
    "Component",
    "Each",
    "Hiding",
    "Keeps",
    "LoadedFile",
    "Loss",
    "Picture",
    "Plot",
    "Probe",
    "Recovery",
    "Reference",
    "RegistryError",
    "Resliced",
    "Reslices",
    "Show",
    "Stage",
    "Step",
    "Survey",
    "Undefined",
    "Unsettled",
    "Window",
    "about_marks",
    "decisive",
    "family",
    "in_use",
    "losses",
    "methods_of",
    "of_entry",
    "owners_of",
    "steps",
    "taken_by",
]
