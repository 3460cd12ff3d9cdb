"""Records of runs that nobody has done, whole and sound, with the parts that a test is about."""

from __future__ import annotations

from typing import Any

from stackmend.result import Record
from stackmend.result.encoding import as_json

PROTOCOL = {
    "file": "/cells/p.yaml",
    "folder": "/cells",
    "text": "protocol: 1\n",
    "input": None,
    "output": None,
    "set": {},
}
INPUT = {
    "path": "/cells/cell",
    "phantom": None,
    "dataset": None,
    "channels": [0],
    "label": "cell",
    "shape": [20, 10, 10],
    "dtype": "uint8",
    "pixel_size_nm": {"z": 10.0, "y": 4.0, "x": 4.0},
    "pixel_size_source": "TIFF",
    "slices": list(range(20)),
    "on_bad_slice": "stop",
    "notes": [],
    "pixel_hash": "ab" * 32,
}
OUTPUT = {
    "format": "tiff-folder",
    "dtype": "uint8",
    "compression": "none",
    "pyramid": False,
    "shape": [20, 10, 10],
    "origin": [0, 0, 0],
    "clipped": 0,
    "pixel_hash": "cd" * 32,
    "masks": None,
}
SEARCH = {
    "steps": ["find"],
    "channel": 0,
    "loss": "contrast",
    "loss_version": 1,
    "loss_parameters": {},
    "strategy": {"name": "grid"},
    "region": {},
    "space": {"sigma": [1, 2]},
    "combinations": 2,
    "slices": [1],
    "distinct_work": {"loss": 2},
    "seconds": 1.5,
    "status": "chosen",
    "finds": "charging",
    "advice": "look for it elsewhere",
    "loss_references": [],
    "slices_without_findings": [],
    "reason": "",
    "chosen": {"sigma": 2},
    "loss_of_choice": 0.5,
    "loss_before": 1.6,
    "loss_median": 1.0,
    "held_out": {},
    "tied": 0,
    "on_edge": {},
    "landmarks": {"global minimum": 1},
    "without_effect": [],
    "clean": {},
    "max_changed": None,
    "refused": 0,
    "failed": {},
    "one_of": "",
    "overmasked": 0,
    "computed": None,
    "loss_description": "",
    "limits": {},
    "whole": [],
    "beside": {},
    "also": None,
    "known_weakness": "",
    "stopped_at": {},
}
NOTHING = {"chosen": {}, "landmarks": {}, "loss_of_choice": None, "loss_before": None}
ENVIRONMENT = {
    "python": "3.12.1",
    "packages": {"stackmend": "9.9", "numpy": "2.1", "scipy": "1.14"},
    "platform": "Linux",
    "processor": "x86_64",
    "cores": 2,
    "command": ["stackmend", "run", "p.yaml"],
    "workers": 2,
}
TIMES = ("search_s", "apply_s", "pictures_s", "total_s")
COUNTS = ("constant", "nothing_found", "kept", "blank", "skipped", "overmasked")


def search_content(**parts: Any) -> dict[str, Any]:
    """The record of a search as JSON; where nothing is chosen, without what was."""
    chosen = parts.get("status", "chosen") == "chosen"
    return SEARCH | ({} if chosen else NOTHING | {"loss_median": None}) | parts


def record_content(**parts: Any) -> dict[str, Any]:
    """The content of a run.json."""
    content = {
        "record": 1,
        "status": "finished",
        "name": "cell",
        "protocol": PROTOCOL,
        "input": INPUT,
        "output": OUTPUT,
        "chain": [],
        "chains": None,
        "mask_of": None,
        "skipped_steps": [],
        "replaced_chain": False,
        "searches": [],
        "slices": {
            "all": 20,
            "kept_from_earlier": 0,
            "restored": 20,
            **dict.fromkeys(COUNTS, 0),
        },
        "masked_share": None,
        "envelope": None,
        "truth": None,
        "recovery": [],
        "gates": [],
        "environment": ENVIRONMENT,
        "warnings": [],
        "times": {
            "started": "2026-01-02T03:04:05.000+00:00",
            **dict.fromkeys(TIMES, 1.0),
        },
        "estimate": {"expected": None, "skipped": "the run is short", "actual": {}},
        "shards": [],
        "files": {},
        "hash": "",
    }
    return content | parts


def record(**parts: Any) -> Record:
    """The same, read."""
    return Record.from_json(as_json(record_content(**parts)))
