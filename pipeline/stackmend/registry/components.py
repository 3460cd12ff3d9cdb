"""Steps and losses: stages under a name, with a schema, references and a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from stackmend.registry.reslicing import Reslices
from stackmend.registry.shows import Show
from stackmend.registry.stages import Stage, Survey, taken_by

if TYPE_CHECKING:  # a report waits for no library of arrays
    from numpy.typing import NDArray


METHOD = "method"
"""The parameter that chooses among the variants of a step."""


@dataclass(frozen=True)
class Keeps:
    """Which part of a stack a step leaves.

    ``of(parameters, shape)`` gives it as three slices of a ``(Z, Y, X)`` shape; ``parameters``
    names those it takes.
    """

    parameters: tuple[str, ...]
    of: Callable[[Mapping[str, Any], tuple[int, int, int]], tuple[slice, slice, slice]]


@dataclass(frozen=True)
class Reference:
    """What a step marks where combinations are to be compared over one mask.

    Its parameters have the defaults of its schema, but for those that the protocol gives a value,
    and those under ``parameters``, which have theirs whatever the protocol says. ``widened(mask)``
    is the mask with what the step may touch around it.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    widened: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Recovery:
    """How a step, and those that work with it, can be tried on a fault that is known.

    Keyword-only parameters of both functions are parameters of the step, with their chosen values.

    Parameters
    ----------
    of
        What is added, in a word.
    likeness
        ``likeness(image, restored, mask, *, parameter, ...)`` returns what the faults are like that
        were found in a slice, as the chain restores it; ``None`` where none was found.
    known
        ``known(image, likeness, avoid, seed, *, parameter, ...)`` returns a fault of that kind, to
        be added to the image away from the pixels to avoid, and the grey levels from which on it
        counts. The same seed gives the same.
    """

    of: str
    likeness: Callable[..., Any]
    known: Callable[..., tuple[NDArray[Any], float]]

    def likeness_of(self, *images: Any, parameters: Mapping[str, Any]) -> Any:
        """What was found in a slice, from image, restored image and mask."""
        return self.likeness(*images, **taken_by(self.likeness, parameters))

    def made_like(self, *given: Any, parameters: Mapping[str, Any]) -> tuple[NDArray[Any], float]:
        """A known fault, from image, likeness, pixels to avoid and seed."""
        return self.known(*given, **taken_by(self.known, parameters))


@dataclass(frozen=True)
class Hiding:
    """How a loss hides pixels of a slice from the tuned steps, to judge by what these make of them.

    Neighbouring slices stay as they are.

    Parameters
    ----------
    hidden
        ``hidden(image, place)`` returns the image with the pixels of a place replaced.
    places
        ``places(*, parameter, ...)`` returns the places, which are hidden one after the other;
        keyword-only parameters are parameters of the loss.
    looked_at
        ``looked_at(place)`` returns an index of the pixels that the loss looks at, if it looks at
        no others: the last of the tuned steps is told (``asked_pixels``), and may leave out the
        rest.
    """

    hidden: Callable[[Any, int], Any]
    places: Callable[..., tuple[int, ...]]
    looked_at: Callable[[int], Any] | None = None

    def places_for(self, parameters: Mapping[str, Any]) -> tuple[int, ...]:
        """The places, with the values of the loss's parameters."""
        return self.places(**taken_by(self.places, parameters))


@dataclass(frozen=True, kw_only=True)
class Component:
    """What steps and losses share.

    ``version`` is raised whenever the numbers that come out change. ``schema`` declares the
    parameters; a built-in component finds its own beside the others in ``schemas/``.
    """

    name: str
    version: int
    stages: tuple[Stage, ...]
    references: tuple[str, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of all parameters that the stages take, in order of first use."""
        return tuple(dict.fromkeys(p for stage in self.stages for p in stage.parameters))

    @property
    def given(self) -> frozenset[str]:
        """Products that are handed to the stages by someone other than an earlier step."""
        return frozenset()

    @property
    def reads(self) -> tuple[str, ...]:
        """Products that must exist before the first stage runs."""
        made = set(self.given)
        needed: dict[str, None] = {}
        for stage in (each for each in self.stages if not each.carries):
            needed.update(dict.fromkeys(p for p in stage.needs if p not in made))
            made.add(stage.makes)
        return tuple(needed)

    @property
    def makes(self) -> tuple[str, ...]:
        """Products that exist after the last stage has run."""
        return tuple(dict.fromkeys(each.makes for each in self.stages if not each.carries))


@dataclass(frozen=True, kw_only=True)
class Step(Component):
    """One entry of a chain.

    ``opens`` and ``closes`` name a product that lives between a pair of steps, like ``scale``
    between standardize and destandardize; ``needs`` names such products that must be open although
    no stage reads them. ``recovery`` says how the chain with this step can be tested.
    ``refuse(parameters)`` returns what the schema cannot say against values, by parameter;
    ``caution(parameters, open_products)`` returns a warning about a legal but doubtful use, or
    ``None``; ``doubt(image, parameters)`` the same about a slice, where the step is the first of a
    chain. ``reference`` says how its mask is made that is common to all combinations of a search.
    ``darkness`` names the parameter that is true where dark faults are meant, and false where
    bright ones are. ``reslices`` says that it may make other slices, ``moves`` that it moves
    pixels: its product ``mask`` is any mask that was made before, which it moves along. ``files``
    has for each parameter that names a file ``read(content, name)``, which makes plain data of it
    or raises ``ValueError``; the parameter is then a ``LoadedFile``. ``watch`` says what people
    should look at in what the step takes from a slice, ``shows`` what else they are shown of it.
    ``variants`` are steps by the method that chooses them (``variants.family``); the stages are
    then those of all, and each begins where the others do.
    """

    opens: str | None = None
    closes: str | None = None
    needs: tuple[str, ...] = ()
    survey: Survey | None = None
    keeps: Keeps | None = None
    reference: Reference = Reference()
    darkness: str = ""
    recovery: Recovery | None = None
    refuse: Callable[[Mapping[str, Any]], Mapping[str, str]] | None = None
    caution: Callable[[Mapping[str, Any], frozenset[str]], str | None] | None = None
    doubt: Callable[[Any, Mapping[str, Any]], str | None] | None = None
    moves: Stage | None = None
    files: Mapping[str, Callable[[bytes, str], Any]] = field(default_factory=dict)
    reslices: Reslices | None = None
    watch: str = ""
    shows: tuple[Show, ...] = ()
    variants: Mapping[str, Step] = field(default_factory=dict)

    kind: ClassVar[str] = "step"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Those of the stages, of the survey, and those that decide about the part that is left."""
        kept = self.keeps.parameters if self.keeps else ()
        surveyed = self.survey.parameters if self.survey else ()
        moved = self.moves.parameters if self.moves else ()
        method = (METHOD,) if self.variants else ()
        return tuple(dict.fromkeys((*method, *kept, *super().parameters, *moved, *surveyed)))

    @property
    def reads(self) -> tuple[str, ...]:
        """What any of the variants needs, or the step and its survey by themselves."""
        if not self.variants:
            looked_at = self.survey.needs if self.survey else ()
            return tuple(dict.fromkeys((*looked_at, *super().reads)))
        needed = (name for variant in self.variants.values() for name in variant.reads)
        return tuple(dict.fromkeys(needed))

    @property
    def makes(self) -> tuple[str, ...]:
        """What all variants make, or the step by itself."""
        if not self.variants:
            return super().makes
        first, *others = [variant.makes for variant in self.variants.values()]
        return tuple(name for name in first if all(name in made for made in others))

    @property
    def given(self) -> frozenset[str]:
        """The product of the survey, where there is one."""
        return frozenset({self.survey.makes} if self.survey else ())

    @property
    def scope(self) -> str:
        """``slice``, ``window`` (it sees neighbours) or ``stack`` (it surveys slices first)."""
        if self.survey:
            return "stack"
        return "window" if any(stage.window for stage in self.stages) else "slice"


@dataclass(frozen=True, kw_only=True)
class Loss(Component):
    """A self-supervised loss; lower is better.

    Its last stage makes ``loss``: a float or an ``Undefined``. ``finds`` is what it judges the
    correction of, ``nothing_found`` says that no combination came upon any. What to do then is in
    ``advice``, and in ``undefined_advice`` where it was found but the loss has no value.
    ``beside`` names products, numbers that are shown beside the loss of what is chosen.
    ``compares`` names the product that holds what it compares, pairs of flat pixel indices, if it
    does. ``hiding`` says which pixels are hidden from the tuned steps for its ``hidden_results``.
    ``known_weakness`` is what people must be told of a search by it, in a sentence.
    ``instead`` makes the same loss of what some steps make beside their image, such as numbers for
    all values of a sweep: it is taken where the only tuned step does, and needs no images.
    """

    finds: str = ""
    instead: Stage | None = None
    compares: str = ""
    hiding: Hiding | None = None
    beside: tuple[str, ...] = ()
    nothing_found: str = "no combination has anything to judge"
    advice: str = "choose other optimization slices"
    undefined_advice: str = "choose other optimization slices"
    known_weakness: str = ""

    kind: ClassVar[str] = "loss"


@dataclass(frozen=True)
class Undefined:
    """The value of a loss that has no number.

    ``status`` is ``UNDEFINED``, ``NOTHING_FOUND``, or ``FAILED`` where a step says that it cannot
    work with these values on this slice.
    """

    status: str
    reason: str


NOTHING_FOUND = "nothing_found"
UNDEFINED = "undefined"
FAILED = "failed"
