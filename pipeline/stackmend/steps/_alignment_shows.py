"""What people see of an alignment: how slices were moved, what is left, what moves together."""

from __future__ import annotations

import numpy as np

from stackmend.kernels.placement import listed
from stackmend.kernels.transforms import corners, moved
from stackmend.registry import Each, Plot, Show

SLICE = "slice"
ALL = 0.995
"""Share of the blocks from which on all of them move alike."""

WATCH = (
    "The path is where the middle of each slice was read, and how it was turned, seen from the "
    "slice that stays. A slow bend is drift of the stage or of the specimen, or a tilted object "
    "that was taken for drift; a jump is a slice that was shot again, or one that was laid wrongly."
)


def jumps(place: Each) -> Plot | None:
    """How far the corners go from each slice to the next, as they were read and as they are."""
    left = place.about.get("disagreement_px")
    numbers = sorted(place.values)
    if left is None or len(numbers) < 2:
        return None
    edges = corners(place.about["shape"])
    points = np.stack([moved(np.asarray(place.values[each]["matrix"]), edges) for each in numbers])
    steps = np.linalg.norm(np.diff(points, axis=0), axis=2).max(axis=1)
    curves = {
        "corrected: farthest corner, from the slice before": [0.0, *steps.tolist()],
        "left: disagreement of the slice's pairs": list(left),
    }
    most = int(np.argmax(steps))
    before, after = numbers[most : most + 2]
    note = f"Corrected were {np.median(steps):.3g} px (median), at most {steps[most]:.3g} px, from "
    note += f"slice {before} to {after}; left are {np.median(left):.3g} px."
    return Plot(SLICE, "px", curves, x=numbers, note=note)


def disagreement(place: Each) -> Plot | None:
    """By how much pairs say something else than all together, and those that were left out."""
    about = place.about
    if "pair_disagreement" not in about:
        return None
    pairs = [(min(i, j), float(px)) for i, j, px in about["pair_disagreement"]]
    curves = {"each pair, at its first slice": [px for _, px in pairs]}
    worst = sorted(about["pair_disagreement"], key=lambda each: -each[2])[:3]
    told = ", ".join(f"{i} and {j} ({px:.2g} px)" for i, j, px in worst)
    note = f"{len(pairs)} pairs are used; those that disagree most are {told}."
    dropped = about["dropped"]
    out = listed([f"{i} and {j} ({why})" for i, j, why in dropped])
    note += f" Left out are {len(dropped)}: {out}." if dropped else " None is left out."
    places = [number for number, _ in pairs]
    return Plot(SLICE, "disagreement, px", curves, x=places, dotted=tuple(curves), note=note)


def groups(place: Each) -> Plot | None:
    """What moves together, where blocks of the slices do not all move alike."""
    found = place.about.get("groups", ())
    if not found or found[0]["share"] >= ALL:
        return None
    labels = [f"{100 * each['share']:.0f} %" for each in found]
    shifts = [[float(value) for value in each["shift"]] for each in found]
    curves = {"y": [y for y, _ in shifts], "x": [x for _, x in shifts]}
    said = []
    for place_of, (label, (y, x)) in enumerate(zip(labels, shifts, strict=True)):
        by = f"y {y:+.2g}, x {x:+.2g} px from slice to slice"
        moves = f"move by {by}" if place_of else f"were made to stand still (left: {by})"
        said.append(f"{label} of the blocks {moves}")
    return Plot(
        "share of the blocks",
        "px per slice",
        curves,
        labels=labels,
        dotted=("y", "x"),
        note=f"{'; '.join(said)}.",
    )


SHOWS = (
    Show(
        "Corrected, and left",
        "How far the farthest corner was moved from slice to slice, turns and shears included, and "
        "by how much the pairs of a slice still say something else. What is left should be a small "
        "part of what was corrected; where it is not, look at these slices in the sections.",
        jumps,
        of_survey=True,
    ),
    Show(
        "Disagreement of the pairs",
        "Each pair of slices within reach says where one lies on the other. A pair far above the "
        "others is doubtful, and weighs little; a slice whose pairs are all high may be damaged.",
        disagreement,
        of_survey=True,
    ),
    Show(
        "What moves together",
        "Blocks of the slices by how they move through the stack. The largest group that agrees "
        "stands still: that must be what does not move in the specimen, such as cut faces, pores "
        "or the matrix, and not an object that is tilted.",
        groups,
        of_survey=True,
    ),
)
