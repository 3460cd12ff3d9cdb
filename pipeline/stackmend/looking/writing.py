"""The protocol that fits what was seen, with what was seen in its comments."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

from stackmend.looking.decision import Look, polarity, said_of
from stackmend.looking.models import Finding
from stackmend.words import counted, figure, glue, percent, unglue, value

CHOOSE, HOLD_OUT = 3, 2  # charged slices
CONTROLS = 4  # clean slices that a search is held against: each is restored for every combination
ODD = 1e-4  # share of odd pixels that is worth a word
WIDTH = 96

MODELS = {
    "streaks": "along the scan line (find_streaks)",
    "learnt": "learnt from the stack (find_learnt_charging)",
}

_HEAD = """\
# yaml-language-server: $schema=protocol.schema.json
# For editors: 'stackmend schema > protocol.schema.json' writes the schema that the first line
# names. 'stackmend check FILE' looks for mistakes, 'stackmend run FILE' does the work.
# Shading, curtains and noise beside charge: 'stackmend configs cryo', 'stackmend configs resin'.
"""

_BODY = """\
protocol: 1
name: {name}

input:
  path: {path}
  slices: all                           # or [0, 10, 20], or "0:200:10"
{bad}
output:
  path: results/{name}
  format: tiff-folder                   # or tiff: one multi-page file, or ome-zarr
  dtype: input                          # or uint8, uint16, float32

chain:
"""

_KEEP = """\
  on_bad_slice: keep                    # they stay as they are; or stop, or skip
"""

_STREAKS = """\
  - step: find_streaks                  # pairs of straight rims along the scan line
{inverse}
  - step: fill_streaks                  # takes their charge off
"""

_LEARNT = """\
  - step: learn_charging                # from slices to which known charge is added
{inverse}
  - step: find_learnt_charging          # tells it from structure
  - step: subtract_charge
"""

_ALONE = """\
  - step: crop                          # of nothing: every slice comes out as it is
"""

_BY_HAND = """\

# If you see charge where nothing was found, put one of these in the place of crop and look at
# the result (inverse: true for dark charge, false for bright):
#   - {step: find_streaks, inverse: true}      # tails along the scan line
#   - {step: fill_streaks}
# or
#   - {step: learn_charging, inverse: true}    # blobs and soft tails
#   - {step: find_learnt_charging}
#   - {step: subtract_charge}
# or search for the parameters of the published method: see 'stackmend init' without a stack.
"""


def protocol_for(seen: Look, path: str) -> str:
    """The text of a protocol for the stack that was looked at, which lies at that path."""
    comments = "".join(f"# {line}\n" if line else "#\n" for line in _wrapped(_seen(seen)))
    chosen = seen.chosen
    quoted = json.dumps(path, ensure_ascii=False)
    name = "decharge" if chosen else "unchanged"
    body = _BODY.format(name=name, path=quoted, bad=_KEEP if seen.bad else "")
    if chosen is None:
        return f"{_HEAD}#\n{comments}{body}{_ALONE}{_BY_HAND}"
    return f"{_HEAD}#\n{comments}{body}{_steps(seen, chosen)}\n{_to_optimize(seen, chosen)}"


def _wrapped(paragraphs: Iterator[str]) -> Iterator[str]:
    for paragraph in paragraphs:
        yield from map(unglue, textwrap.wrap(paragraph, WIDTH, subsequent_indent="  "))
    yield ""


def _seen(seen: Look) -> Iterator[str]:
    """What was seen, a paragraph each."""
    shape, dtype = seen.reader.shape, seen.reader.dtype
    yield f"Stack: {' x '.join(map(str, shape))} {dtype}, {seen.reader.metadata}."
    if seen.channels > 1:
        yield f"Of its {seen.channels} channels the first was looked at."
    yield f"Looked at: slices {_numbers(seen.numbers)} (counted from 0)."
    for number, message in seen.bad.items():
        yield f"Passed over: slice {number}, {message}."
    yield from _tissue(seen)
    for model, name in MODELS.items():
        asked = [said_of(each) for each in seen.findings if each.model == model]
        yield f"Found {name}: {'; '.join(asked)}." if asked else f"Not asked after that: {name}."
    if seen.chosen:
        model = MODELS[seen.chosen.model]
        yield f"So: {polarity(seen.chosen)} charge, the model {model}, with its defaults."
    else:
        yield "So: nothing looks charged, and this protocol leaves the stack as it is."


def _tissue(seen: Look) -> Iterator[str]:
    tissue, rows = seen.tissue, seen.reader.shape[1]
    noise = "unknown" if tissue.noise is None else figure(tissue.noise)
    yield (
        f"Grey levels: {value(tissue.extremes[0])} to {value(tissue.extremes[1])}; contrast of the "
        f"tissue: {value(tissue.middle[0])} to {value(tissue.middle[1])} (5 to 95 % of the "
        f"pixels); noise: {noise}."
    )
    for share, end in ((tissue.lowest, "lowest"), (tissue.highest, "highest")):
        if share:
            yield f"Pixels at the {end} value of the data type: {percent(share)}."
    if tissue.odd >= ODD:
        mend = glue("{step: median_z, threshold: ...}")
        yield (
            f"Odd pixels, far from all around them: {percent(tissue.odd)}; those of one slice only "
            f"are mended by {mend}."
        )
    if tissue.bar:
        cut = glue(f"{{step: crop, y: [0, {rows - tissue.bar}]}} cuts them off")
        yield (
            f"Data bar or blank: the last {counted(tissue.bar, 'row')} of every slice, which were "
            f"not looked at; {cut}."
        )


def _steps(seen: Look, chosen: Finding) -> str:
    inverse = "    inverse: true" if chosen.inverse else "    inverse: false"
    lines = f"{inverse:<40}# {polarity(chosen)} charge"
    if chosen.model == "learnt":
        return _LEARNT.format(inverse=lines)
    if seen.tissue.unit != 1:
        unit = f"    unit: {seen.tissue.unit:g}"
        lines += f"\n{unit:<40}# grey levels that are one of an 8-bit slice"
    return _STREAKS.format(inverse=lines)


def _to_optimize(seen: Look, chosen: Finding) -> str:
    """The slices to choose a parameter on, as a comment: without a sweep they have no use."""
    best = chosen.charged[:CHOOSE]
    others = chosen.charged[CHOOSE : CHOOSE + HOLD_OUT]
    lines = [
        "# To choose a parameter by search, sweep it, for instance strength of the last step:",
        "#   strength: {sweep: [0.85, 1.0, 1.15]}",
        "# and write:",
        "# optimize:",
        f"#   slices: [{_numbers(sorted(best))}]",
    ]
    if others:
        lines.append(f"#   validate: [{_numbers(sorted(others))}]")
    if seen.clean:
        lines.append(f"#   clean: [{_numbers(seen.clean[:CONTROLS])}]")
    # One mask for all combinations; and what is left of known charge, beside it.
    lines += ["#   loss: common_histogram", "#   also: injection_error"]
    if seen.clean:
        lines.append(f"# Nothing was found on slices {_numbers(seen.clean)}.")
    return "\n".join([*lines, ""])


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
