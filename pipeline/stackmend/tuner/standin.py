"""Stands in for the room ``preview`` until that is there."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from stackmend import protocol as protocols
from stackmend import resources
from stackmend.errors import InputError, StackmendError
from stackmend.job import examine_stack
from stackmend.kernels.rounding import to_dtype
from stackmend.registry import IMAGE
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Log
from stackmend.runner.ask import workers_here
from stackmend.tuning.raw import as_image, load_image
from stackmend.tuning.session import Session
from stackmend.tuning.tune import tune

_N = itertools.count(1)


class Cancelled(Exception):
    pass


@dataclass(frozen=True)
class State:
    revision: int
    text: str
    problems: tuple = ()
    job: Any = None
    values: dict = field(default_factory=dict)
    alternative: str = ""
    chain: Any = None


def _plain(data, values):
    data = yaml.safe_load(yaml.safe_dump(data))
    data.pop("optimize", None)
    chain = []
    for item in data.get("chain", []):
        if "one_of" in item:
            chain += next(iter(item["one_of"].values()))
        else:
            chain.append(item)
    for item in chain:
        id = item.get("id", item["step"])
        for name, value in item.items():
            if isinstance(value, dict) and "sweep" in value:
                sweep = value["sweep"]
                first = sweep[0] if isinstance(sweep, list) else sweep["from"]
                item[name] = values.setdefault(f"{id}.{name}", first)
    data["chain"] = chain
    return data


class Preview:
    def __init__(self, *, memory=None, say=lambda e: None):
        self._known = {}

    def take(self, text, *, base, name, values=None, alternative=""):
        values = dict(values or {})

        def look(content):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / name
                file.write_text(content, encoding="utf-8")
                draft = protocols.examine(file, base=base)
                return examine_stack(draft)

        try:
            found = look(text)
            problems = found.draft.problems
            if found.input_error:
                problems = (*problems, protocols.Draft and _problem(found.input_error))
            if any(p.severity == "error" for p in problems):
                return State(next(_N), text, problems)
            job = look(yaml.safe_dump(_plain(yaml.safe_load(text), values))).job(written=False)
        except StackmendError as error:
            return State(next(_N), text, (_problem(error),))
        return State(next(_N), text, problems, job, values)

    def _chains(self, state):
        if state.revision not in self._known:
            session = Session(state.job, Log(), workers_here(None), Journal(None), Ledger())
            self._known[state.revision] = tune(session).chains
        return self._known[state.revision]

    def products(self, state, number, channel, names, *, cancelled):
        chain = self._chains(state)[channel]
        reader = state.job.readers[channel]
        if cancelled():
            raise Cancelled
        raw = load_image(reader, number)
        graph = chain.graph()
        masks = graph.masks()
        from dataclasses import replace

        graph = replace(graph, products={**graph.products, **masks})
        made = graph.evaluate(chain.products_of(number), (IMAGE, *masks))
        out = {"status": "", "reason": ""}
        out["before"] = to_dtype(raw[state.job.window], state.job.dtype)[0]
        out["after"] = to_dtype(made[IMAGE], state.job.dtype)[0]
        mask = np.zeros(out["after"].shape, bool)
        for name in masks:
            each = made[name]
            mask |= each if each.shape == mask.shape else each[state.job.window]
        out["mask"] = mask
        return {name: out.get(name) for name in ("status", "reason", *names)}

    def quick(self, state, number, channel, name, window, *, cancelled):
        return None

    def figures(self, state, number, channel, *, cancelled):
        got = self.products(state, number, channel, ("before", "after", "mask"), cancelled=cancelled)
        b, a, m = got["before"], got["after"], got["mask"]
        high = float(max(b.max(), a.max(), 1))
        return {
            "loss": None, "untouched": None, "reason": "no loss yet",
            "changed": float((a != b).mean()), "mask": float(m.mean()), "mask_pixels": int(m.sum()),
            "clipped": 0, "mean_before": float(b.mean()), "mean_after": float(a.mean()),
            "histogram": {
                "before": np.histogram(b, 64, (0, high))[0].tolist(),
                "after": np.histogram(a, 64, (0, high))[0].tolist(), "low": 0.0, "high": high,
            },
        }

    def read_ahead(self, state, number, channel):
        pass

    def close(self):
        pass


def _problem(error):
    from stackmend.errors import Problem

    return Problem("input" if isinstance(error, InputError) else "", str(error))


class Document:
    def __init__(self, preview, text, *, base, name):
        self._preview, self.base, self.name = preview, base, name
        self._past, self._future, self.slots = [], [], {"A": None, "B": None}
        self.state = self._take(text, {})

    def _take(self, text, values):
        return self._preview.take(text, base=self.base, name=self.name, values=values)

    def _become(self, text, values):
        self._past.append(self.state)
        self._future.clear()
        self.state = self._take(text, values)

    def _edit(self, path, change):
        data = yaml.safe_load(self.state.text)
        target = data
        for part in path[:-1]:
            target = target.setdefault(part, {}) if isinstance(target, dict) else target[part]
        change(target, path[-1])
        self._become(yaml.safe_dump(data, sort_keys=False), self.state.values)

    @property
    def edited(self):
        return bool(self._past)

    def again(self):
        self.state = self._take(self.state.text, self.state.values)

    def set(self, path, value, gesture=None):
        def change(target, last):
            target[last] = value

        self._edit(path, change)

    def sweep(self, path, sweep):
        self.set(path, {"sweep": sweep})

    def remove(self, path):
        def change(target, last):
            del target[last]

        self._edit(path, change)

    def value(self, name, value, gesture=None):
        self._become(self.state.text, {**self.state.values, name: value})

    def retype(self, text):
        self._become(text, self.state.values)

    def undo(self):
        if self._past:
            self._future.append(self.state)
            self.state = self._past.pop()

    def redo(self):
        if self._future:
            self._past.append(self.state)
            self.state = self._future.pop()

    def keep(self, slot):
        self.slots[slot] = self.state

    def take(self, slot):
        if self.slots[slot]:
            self._past.append(self.state)
            self.state = self.slots[slot]

    def controls(self):
        data = yaml.safe_load(self.state.text) if self.state.job else {"chain": []}
        out = []
        for index, item in enumerate(data["chain"]):
            if "step" not in item:
                continue
            schema = resources.schema(f"steps/{item['step']}")
            ps = []
            for name, p in schema.get("properties", {}).items():
                given = item.get(name)
                swept = given["sweep"] if isinstance(given, dict) and "sweep" in given else None
                id = item.get("id", item["step"])
                value = given if swept is None else self.state.values.get(f"{id}.{name}")
                ps.append({
                    "name": name, "path": ["chain", index, name], "title": name,
                    "description": p.get("description", ""), "unit": p.get("unit"),
                    "type": "choice" if "enum" in p else p.get("type", "other"),
                    "minimum": p.get("minimum", p.get("exclusiveMinimum")),
                    "maximum": p.get("maximum", p.get("exclusiveMaximum")),
                    "default": p.get("default"), "choices": p.get("enum"),
                    "value": p.get("default") if value is None else value,
                    "sweep": {"values": swept} if isinstance(swept, list) else swept,
                    "in_text": name in item, "sweepable": p.get("sweepable", True),
                    "nm_per_unit": None, "typical": None,
                })
            out.append({
                "step": item["step"], "id": item.get("id", item["step"]), "index": index,
                "alternative": None, "title": item["step"],
                "description": schema.get("description", ""), "origin": "stackmend",
                "parameters": ps,
            })
        return out
