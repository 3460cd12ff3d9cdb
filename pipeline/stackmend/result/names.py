"""What lies in a result folder, by name: each name stands here once."""

from __future__ import annotations

RECORD = "run.json"
PROTOCOL = "protocol.yaml"
EFFECTIVE = "effective.yaml"
LOSSES = "losses.csv"
SLICES = "slices.csv"
SURVEYS = "surveys.json"
TRANSFORMS = ("transforms.csv", "transforms.json")
"""Where slices lie, as steps that find it hand it to other programs, and to later runs."""

FINGERPRINTS = "fingerprints.json"
JOURNAL = "journal.jsonl"
LOG, LOG_TEXT = "log.jsonl", "log.txt"
REPORT = "report.html"
ANIMATION = "losses.webp"
CRATE = "ro-crate-metadata.json"

PREVIEWS = "previews"
"""The folder of the pictures that the report shows."""

CONTENTS = "previews.json"
"""In that folder, what is in the pictures."""

STACK, TRUTH = "stack", "truth"
MASKS = "masks"
MASK_STACKS = (MASKS, f"{MASKS}.tif")
"""The masks where they are a stack of their own."""

LABELS = "labels"
ZARR = f"{STACK}.zarr"
"""The stack that has its masks inside, in a folder of this name."""

MASK_PLACES = (*MASK_STACKS, f"{ZARR}/{LABELS}")
"""Where the masks of any format are."""

_STEMS, _SUFFIXES = (STACK, TRUTH), ("", ".tif", ".zarr")
STACKS = (*(f"{stem}{suffix}" for stem in _STEMS for suffix in _SUFFIXES), *MASK_STACKS)
"""The stacks in any format."""

PARTS = (
    RECORD,
    PROTOCOL,
    EFFECTIVE,
    LOSSES,
    SLICES,
    SURVEYS,
    *TRANSFORMS,
    FINGERPRINTS,
    JOURNAL,
    LOG,
    LOG_TEXT,
    REPORT,
    CRATE,
    ANIMATION,
    PREVIEWS,
    *STACKS,
)
"""What belongs to a result, and makes room for a later one."""

FIGURES = "figures"
"""Where figures for papers are put; they are their owner's and stay."""

REJECTED = ".rejected"
"""What is added to the name of a result folder where the result does not pass its gates."""

WORK = ".stackmend"
"""The folder of a run at work; below are the names in it."""

LOCK = "lock"
ENTRIES = "journal"
BEGUN = "work.jsonl"
"""Among the entries of a journal, the identity of the work that has begun."""

PARTIAL, COMPLETE, PREVIOUS = "partial", "complete", "previous"
