"""What lies in a result folder, by name: each name stands here once."""

from __future__ import annotations

RECORD = "run.json"
PROTOCOL = "protocol.yaml"
EFFECTIVE = "effective.yaml"
LOSSES = "losses.csv"
SLICES = "slices.csv"
SURVEYS = "surveys.json"
JOURNAL = "journal.jsonl"
LOG, LOG_TEXT = "log.jsonl", "log.txt"
REPORT = "report.html"
ANIMATION = "losses.webp"

PREVIEWS = "previews"
"""The folder of the pictures that the report shows."""

CONTENTS = "previews.json"
"""In that folder, what is in the pictures."""

STACK, TRUTH = "stack", "truth"
STACKS = tuple(f"{stem}{suffix}" for stem in (STACK, TRUTH) for suffix in ("", ".tif", ".zarr"))
"""The stacks in any format."""

PARTS = (
    RECORD,
    PROTOCOL,
    EFFECTIVE,
    LOSSES,
    SLICES,
    SURVEYS,
    JOURNAL,
    LOG,
    LOG_TEXT,
    REPORT,
    ANIMATION,
    PREVIEWS,
    *STACKS,
)
"""What belongs to a result, and makes room for a later one."""

FIGURES = "figures"
"""Where figures for papers are put; they are their owner's and stay."""

WORK = ".stackmend"
"""The folder of a run at work; below are the names in it."""

LOCK = "lock"
ENTRIES = "journal"
BEGUN = "work.jsonl"
"""Among the entries of a journal, the identity of the work that has begun."""

PARTIAL, COMPLETE, PREVIOUS = "partial", "complete", "previous"
