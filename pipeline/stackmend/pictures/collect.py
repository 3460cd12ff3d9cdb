"""Pictures and figures for the report that only the run can make.

The report itself reads them and computes nothing. They lie in ``previews/`` beside the restored
stack, described by ``previews.json``; the animation through the loss is ``losses.webp``. They are
made after the search and the application, which take no notice of them.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from math import prod
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from joblib import delayed
from PIL import Image

from stackmend.disk import NO_ROOM
from stackmend.errors import StepError, WorkerLost
from stackmend.job import Job
from stackmend.job.resliced import ReslicedReader
from stackmend.pictures.animation import Frame, animated, chosen_frames, still
from stackmend.pictures.drawing import webp
from stackmend.pictures.searches import comparison, pictured_part, thumbnails
from stackmend.pictures.sections import SectionLines, chosen_slices, drawn, sections_through
from stackmend.pictures.shown import SHOWN, SlicePictures, choose_shown
from stackmend.pictures.steps import SLICES, StepPictures, about
from stackmend.registry import Undefined
from stackmend.restore.apply import Application
from stackmend.result import atomic
from stackmend.result.log import Log
from stackmend.result.names import ANIMATION, CONTENTS, PREVIEWS
from stackmend.result.rows import REST_RESTORED, SliceRow, Status
from stackmend.stacks import Writer
from stackmend.sweep import REFUSED, Choice, Combination, SearchResult
from stackmend.tuning.chains import ChannelChain, FinishedSearch, Tuning
from stackmend.tuning.trial import Trial
from stackmend.workers.processes import Workers

FRAMES = 64
"""Pictures in an animation at about the most, unless the search has made more on its way."""

EMBEDDED = 48
"""The same for the small version inside the report."""

COMPARED = 6
"""How many optimization slices, and held-out ones, have their loss compared with before."""

BATCH = 8
"""Slices that are read for sections at a time."""

COSTLY = 10
"""How many pixels are read while one is restored, about: processes pay for so many more."""


def collect(
    job: Job, tuning: Tuning, rows: Sequence[SliceRow], writer: Writer, log: Log, workers: Workers
) -> None:
    """Make the pictures of a run whose stack is restored, in the partial result; ``writer`` has it.

    A picture that cannot be made must not cost a finished stack: then there is a warning, and the
    report does without.
    """
    folder = job.workspace.partial / PREVIEWS
    start = perf_counter()
    try:
        shutil.rmtree(folder, ignore_errors=True)
        (folder.parent / ANIMATION).unlink(missing_ok=True)
        folder.mkdir()
        searches = [
            _search(job, tuning, index, folder, workers.threads) for index in _pictured(job, tuning)
        ]
        slices = list(_slices(job, tuning, rows, writer, log, workers))
        content = {
            "previews": 1,
            "slices": slices,
            "searches": searches,
            "steps": _steps(tuning.chains[0], _restored(job, rows, slices), folder, log, workers),
            "sections": _sections(job, writer, folder, workers),
            "seconds": round(perf_counter() - start, 3),
        }
        atomic.write_json(folder / CONTENTS, content)
    except WorkerLost:
        raise
    # Whatever went wrong, in anybody's step or in a library for pictures: the stack is restored,
    # which is what counts.
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise  # the next run, with room, makes them
        log.warn(f"the report has no pictures: {type(error).__name__}: {error}")


def _chain(job: Job, tuning: Tuning, found: FinishedSearch) -> ChannelChain:
    """That of the channel on which a search was done."""
    return tuning.chains[job.channels.index(found.channel)]


def _pictured(job: Job, tuning: Tuning) -> Iterator[int]:
    """The searches whose steps are in the chain that was applied."""
    for index, found in enumerate(tuning.searches):
        chain = _chain(job, tuning, found)
        ids = {bound.id for bound in chain.steps}
        applied = not chain.replaced and ids.issuperset(found.entry.steps)
        if isinstance(found.result.choice, Choice) and applied:
            yield index


def _search(job: Job, tuning: Tuning, index: int, folder: Path, workers: int) -> dict[str, Any]:
    """The four points, the animation, and the losses of untouched slices."""
    found = tuning.searches[index]
    result = found.result
    trial = Trial(_chain(job, tuning, found), found.entry, result.space, found.common)
    slices = [each for each in result.losses if each not in result.choice.slices_without_findings]

    # Every combination that has a loss, and those of them that are shown, from the best to the
    # worst.
    means = {each: result.mean(each) for each in result.combinations}
    losses = {each: mean for each, mean in means.items() if mean is not None}
    combinations = list(losses)
    points = _points(result, losses)
    made = [place for place, each in enumerate(combinations) if each in result.pictures]
    every = list(losses.values())
    frames_made = FRAMES if _is_cheap(tuning, index, trial) else 0
    shown = chosen_frames(every, frames_made, list(points))
    if made and slices[0] == next(iter(result.losses)):
        shown = sorted({*made, *points}, key=lambda place: (every[place], place))
    wanted = [combinations[place] for place in shown]
    part = pictured_part(trial)
    small = thumbnails(part, found, slices[0], wanted, workers)
    frames = []
    for place in shown:
        combination = combinations[place]
        frames.append(Frame(small[combination], losses[combination], points.get(place, "")))

    share = len(list(_pictured(job, tuning)))
    pictures = {}
    for place, name in points.items():
        picture = Image.fromarray(small[combinations[place]])
        pictures[name] = f"search{index}_{name.replace(' ', '_')}.webp"
        (folder / pictures[name]).write_bytes(webp(picture, 45_000 // share))
    _animate(frames, index, folder, 300_000 // share)
    compared = [*slices[:COMPARED], *list(found.held_out)[:COMPARED]]
    return {
        "search": index,
        "slice": slices[0],
        "middle": part is not trial,
        "points": pictures,
        "broad": frames[0].picture.shape[1] > 2 * frames[0].picture.shape[0],
        "frames": len(frames),
        "animation": f"search{index}_losses.webp",
        "still": f"search{index}_still.webp",
        "compared": {str(number): comparison(trial, found, number) for number in compared},
    }


def _is_cheap(tuning: Tuning, index: int, trial: Trial) -> bool:
    """Whether a picture costs about as much as a loss; else only named combinations are shown.

    It costs more where the loss looks at few pixels, or where a later search is about steps behind,
    which pictures pass and losses do not.
    """
    behind = {bound.id for bound in trial.rest}
    channel = tuning.searches[index].channel
    later = [each for each in tuning.searches[index + 1 :] if each.channel == channel]
    return not (trial.asking or any(behind.intersection(each.entry.steps) for each in later))


def _points(result: SearchResult, losses: Mapping[Combination, float]) -> dict[int, str]:
    """Places of the named combinations, and of the best of those that are out."""
    places = {each: place for place, each in enumerate(losses)}
    points = {places[each]: name for name, each in result.landmarks.items()}
    out = [each for each in losses if each in result.refused]
    if out:
        points[places[min(out, key=losses.__getitem__)]] = REFUSED
    return points


def _animate(frames: Sequence[Frame], index: int, folder: Path, size: int) -> None:
    """The animation as a file of its own, and small for the report.

    That of the first search lies beside the stack.
    """
    first = folder.parent / ANIMATION
    large = folder / f"losses{index}.webp" if first.exists() else first
    film = animated(frames, width=480, quality=60)
    large.write_bytes(film)
    embedded = film if len(film) <= size else _embedded(frames, size)
    (folder / f"search{index}_losses.webp").write_bytes(embedded)
    (folder / f"search{index}_still.webp").write_bytes(still(frames, width=400, quality=60))


def _embedded(frames: Sequence[Frame], size: int) -> bytes:
    """The animation with fewer and smaller frames, until it fits."""
    count, width = EMBEDDED, 400
    while True:
        places = np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int)
        few = [frame for place, frame in enumerate(frames) if place in places or frame.note]
        encoded = animated(few, width=width, quality=45)
        if len(encoded) <= size or count <= 6:
            return encoded
        count, width = count // 2, width * 4 // 5


def _slices(
    job: Job, tuning: Tuning, rows: Sequence[SliceRow], writer: Writer, log: Log, workers: Workers
) -> Iterator[dict[str, Any]]:
    """Slices of the first channel."""
    rows = [row for row in rows if row.channel == job.channels[0]]
    optimization: dict[int, None] = {}
    clean: dict[int, None] = {}
    held_out: dict[int, float | None] = {}
    for found in tuning.searches:
        optimization |= dict.fromkeys(found.result.losses)
        for number, loss in found.held_out.items():
            held_out[number] = None if isinstance(loss, Undefined) else loss
        clean |= {part.number: None for part in found.entry.clean}
    shown = choose_shown(rows, list(optimization), held_out, list(clean))
    pictures = SlicePictures(
        Application.of(job, tuning.chains),
        writer,
        job.workspace.partial / PREVIEWS,
        generosity=min(SHOWN / len(shown), 2.0),
    )
    tasks = [delayed(pictures.make)(rows[place], place, why) for place, why in shown.items()]
    megapixels = prod(job.reader.shape[1:]) * len(shown) / 1e6
    log.progress("pictures", 0, len(shown))
    with closing(_workers_here(workers).run(tasks, ordered=True, megapixels=megapixels)) as entries:
        for count, entry in enumerate(entries, start=1):
            log.progress("pictures", count, len(shown))
            if entry:
                yield entry


def _restored(
    job: Job, rows: Sequence[SliceRow], slices: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Those of the shown slices from which steps took anything: that are not left unchanged."""
    usable = (Status.RESTORED, Status.NOTHING_FOUND)
    own = [row for row in rows if row.channel == job.channels[0]]
    restored = {row.slice for row in own if row.status in usable or row.reason == REST_RESTORED}
    return [shown for shown in slices if shown["slice"] in restored]


def _steps(
    chain: ChannelChain,
    slices: Sequence[Mapping[str, Any]],
    folder: Path,
    log: Log,
    workers: Workers,
) -> list[dict[str, Any]]:
    """What is shown of each step, on the first of the slices that are shown."""
    found: dict[str, dict[str, Any]] = {}
    try:
        pictures = StepPictures(chain, folder)
        for bound in pictures.steps:
            found[bound.id] = {**about(bound), "seen": [], "parts": []}
        numbers = [shown["slice"] for shown in slices[:SLICES]]
        tasks = [delayed(pictures.make)(each, first=each == numbers[0]) for each in numbers]
        megapixels = prod(chain.reader.shape[1:]) * len(numbers) / 1e6
        run = _workers_here(workers).run(tasks, ordered=True, megapixels=megapixels)
        with closing(run) as every:
            for id, made in itertools.chain.from_iterable(each.items() for each in every):
                found[id]["seen"] += [made["seen"]] if made["seen"] else []
                found[id]["parts"] += made["parts"]
    # A step may show whatever its author thought of; the other pictures are none the worse for it.
    except StepError as error:
        log.warn(f"the report shows nothing of single steps: {error}")
        return []
    return list(found.values())


def _sections(job: Job, writer: Writer, folder: Path, workers: Workers) -> list[dict[str, Any]]:
    """Sections across the slices of the first channel, read once more from both stacks."""
    places = chosen_slices(job.slices)
    if not places:
        return []
    sections = sections_through(job, writer, len(places))
    reading = SectionLines(job, writer, sections)
    tasks = [delayed(reading.read)(places[k : k + BATCH]) for k in range(0, len(places), BATCH)]
    megapixels = 2 * prod(job.reader.shape[1:]) * len(places) / 1e6 / COSTLY
    with closing(_workers_here(workers).run(tasks, ordered=True, megapixels=megapixels)) as found:
        lines = list(itertools.chain.from_iterable(found))
    made = [
        drawn(section, [each[place] for each in lines], places, folder)
        for place, section in enumerate(sections)
    ]
    resliced = isinstance(job.reader, ReslicedReader)
    return [{**each, "resliced": resliced} for each in made if each]


def _workers_here(workers: Workers) -> Workers:
    """Of this machine, also where slices are restored by a cluster."""
    return Workers(workers.threads)
