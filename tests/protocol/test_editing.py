"""Edits of a protocol's text: the data are those meant, and all else stays as it is."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackmend.protocol.editing import NotEditable, insert, note, put, remove, value_at
from stackmend.protocol.layout import Layout
from stackmend.protocol.nodes import compose
from stackmend.protocol.spelling import same, spelled
from stackmend.protocol.text import parse

ROOT = Path(__file__).parents[2]
FILES = sorted(
    [*(ROOT / "configs").glob("*.yaml"), *(ROOT / "tests/protocols/valid").glob("*.yaml")]
)


def comments(text):
    layout = Layout(text.removeprefix("\ufeff"), compose(text.removeprefix("\ufeff")))
    return sorted(layout.text[start:stop].rstrip() for start, stop in layout.comments)


PROTOCOL = """\
# A protocol.
protocol: 1
chain:
  - step: standardize  # to 0..1
  - step: find_charging
    gf1_sigma: {sweep: [40, 80]}   # px; about the size
    color_shift: 0.1
    # about the end
  - {step: correct_charging, rb_radius: 10}
optimize:
  slices: [3]  # typical
  region:
    y: [0, 10]  # top
    x: [5, 15]
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("chain", 1, "gf1_sigma"), 80, "{sweep: [40, 80]}   #", "80                  #"),
        (("chain", 1, "color_shift"), {"sweep": [0.1, 0.2]}, "0.1\n", "{sweep: [0.1, 0.2]}\n"),
        (("chain", 2, "rb_radius"), 20.5, "radius: 10", "radius: 20.5"),
        (("chain", 2, "gf2_sigma"), 40, "10}", "10, gf2_sigma: 40}"),
        (("chain", 0, "per"), "stack", "# to 0..1\n", "# to 0..1\n    per: stack\n"),
        (("chain", 1, "inverse"), True, "shift: 0.1\n", "shift: 0.1\n    inverse: true\n"),
        (("optimize", "slices"), [3, 5], "[3]  #", "[3, 5]  #"),
        (("optimize", "region"), {"y": [2, 10], "x": [5, 15]}, "y: [0, 10]", "y: [2, 10]"),
        (("optimize", "region"), {"x": [5, 15]}, "    y: [0, 10]  # top\n", "    # top\n"),
        (("optimize", "validate"), "0:9", "15]\n", '15]\n  validate: "0:9"\n'),
        (("input", "path"), "data/cell 3", "15]\n", "15]\ninput:\n  path: data/cell 3\n"),
        (("optimize", "clean"), [3, {"slice": 4}], "15]\n", "15]\n  clean: [3, {slice: 4}]\n"),
        (("chain", 3), {"step": "destandardize"}, "10}\n", "10}\n  - step: destandardize\n"),
        (("name"), "x", "15]\n", "15]\nname: x\n"),
    ],
)
def test_put_changes_nothing_else(path, value, old, new):
    path = (path,) if isinstance(path, str) else path
    assert PROTOCOL.count(old) == 1
    assert put(PROTOCOL, path, value) == PROTOCOL.replace(old, new)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (("chain", 1, "gf1_sigma"), "gf1_sigma: {sweep: [40, 80]}   # px", "# px"),
        (("chain", 1, "color_shift"), "    color_shift: 0.1\n", ""),
        (("chain", 2, "rb_radius"), ", rb_radius: 10", ""),
        (("chain", 2, "step"), "step: correct_charging, ", ""),
        (("chain", 0), "- step: standardize  # to", "# to"),
        (("chain", 1, "step"), "- step: find_charging\n    gf1", "- gf1"),
        (("optimize", "slices"), "slices: [3]  # typical", "# typical"),
        (("optimize", "slices", 0), "[3] ", "[]  "),
    ],
)
def test_remove_changes_nothing_else(path, old, new):
    assert PROTOCOL.count(old) == 1
    assert remove(PROTOCOL, path) == PROTOCOL.replace(old, new)


def test_a_step_is_inserted_before_another():
    step = {"step": "median_z", "radius": 2}
    found = insert(PROTOCOL, ("chain", 1), step)
    old = "# to 0..1\n"
    assert found == PROTOCOL.replace(old, f"{old}  - {{step: median_z, radius: 2}}\n")
    assert insert(PROTOCOL, ("chain", 0), {"step": "a"}) == PROTOCOL.replace(
        "chain:\n", "chain:\n  - step: a\n"
    )


def test_a_block_gives_way_to_a_value_and_leaves_its_comments():
    found = put(PROTOCOL, ("optimize", "region"), None)
    assert found.endswith("  region: null\n    # top\n")


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        ("a:\nb: 1\n", ("a",), 5, "a: 5\nb: 1\n"),
        ("a:  # c\nb: 1\n", ("a",), 5, "a: 5  # c\nb: 1\n"),
        ("a:\nb: 1\n", ("a", "c"), 5, "a: {c: 5}\nb: 1\n"),
        ("a:\n  -\n  - 2\n", ("a", 0), 1, "a:\n  - 1\n  - 2\n"),
        ("{a: , b: 1}\n", ("a",), 5, "{a: 5, b: 1}\n"),
        ("a: {}", ("a", "b"), 1, "a: {b: 1}"),
        ("a: []", ("a", 0), "x: y", 'a: ["x: y"]'),
        ("a: 1", ("b",), 2, "a: 1\nb: 2"),
        ("a: 1\r\nb: 'x'\r\n", ("b",), "y", "a: 1\r\nb: 'y'\r\n"),
        ("a: 1\r\n", ("b",), "y", "a: 1\r\nb: y\r\n"),
        ("\ufeffa: 1\n", ("a",), 2, "\ufeffa: 2\n"),
        ("größe: 1 # ß\n", ("größe",), "µm", "größe: µm # ß\n"),
        ("a: &x 1\nb: *x\n", ("b",), 2, "a: &x 1\nb: 2\n"),
        ("a: &x 1\nb: *x\n", ("a",), 2, "a: 2\nb: 1\n"),
        ("a: &x {c: 1}\nb: *x\n", ("b", "c"), 2, "a: &x {c: 1}\nb: {c: 2}\n"),
        ("a: &x {c: 1}\nb: *x\n", ("a", "c"), 2, "a: &x {c: 2}\nb: {c: 1}\n"),
        ("a: [1, # one\n  2]\nb: 1\n", ("a",), [3, 2], "a: [3, # one\n  2]\nb: 1\n"),
        ("a: [1, # one\n  2]\nb: 1\n", ("a",), 3, "a: 3  # one\nb: 1\n"),
        ("{a: [1, # one\n  2], b: 1}\n", ("a",), 3, "{a: 3  # one\n , b: 1}\n"),
        ("a: |  # head\n  text\n\nb: 1\n", ("a",), "x", "a: x  # head\n\nb: 1\n"),
        ("a: >-\n  text\n  more\n", ("b",), 1, "a: >-\n  text\n  more\nb: 1\n"),
        ("a:\t1\t# tab\n", ("a",), 2, "a:\t2\t# tab\n"),
        ("a: 1\n...\n", ("b",), 2, "a: 1\nb: 2\n...\n"),
        ("? a\n: 1\n", ("a",), 2, "? a\n: 2\n"),
        ('"a": "b"\n', ("a",), 'c"', '"a": "c\\""\n'),
    ],
)
def test_ways_of_writing(text, path, value, expected):
    assert put(text, path, value) == expected


def put_one(text, path):
    return put(text, path, 1)


@pytest.mark.parametrize(
    ("change", "text", "path", "message"),
    [
        (remove, "a: 1\n", ("b",), "b: there is no such place"),
        (remove, "a: [1]\n", ("a", 1), "a[1]: there is no such place"),
        (remove, "a: 1\n", ("a", "b", "c"), "a.b: there is no such place"),
        (remove, "a: [1\n", ("a",), "line 1: is no protocol that can be read"),
        (remove, "", ("a",), "the text: is no protocol"),
        (remove, "a: 1\n", (), "cannot be replaced as a whole"),
        (put_one, "? a\n: - 1\n  - 2\n", ("a",), "cannot be changed in place"),
    ],
)
def test_what_cannot_be_changed_is_refused(change, text, path, message):
    with pytest.raises(NotEditable, match=re.escape(message)):
        change(text, path)


def test_a_note_stands_beside_a_value_or_above_its_line():
    assert "color_shift: 0.1  # chosen\n" in note(PROTOCOL, ("chain", 1, "color_shift"), "chosen")
    found = note(PROTOCOL, ("chain", 2, "rb_radius"), "chosen")
    assert "  # rb_radius: chosen\n  - {step: correct" in found
    found = note(PROTOCOL, ("chain", 1, "gf1_sigma"), "chosen")
    assert "    # gf1_sigma: chosen\n    gf1_sigma: {sweep" in found


@pytest.mark.parametrize("value", [float("nan"), object(), b"x"])
def test_values_that_no_protocol_holds(value):
    with pytest.raises(Exception, match="a protocol holds numbers and texts"):
        spelled(value)


def paths(data, path=()):
    yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from paths(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from paths(value, (*path, index))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_every_place_of_our_files(file, line_break):
    """Each value can be set, to a sweep and back, and removed."""
    text = file.read_text(encoding="utf-8").replace("\n", line_break)
    data = parse(text).data
    changes = (
        lambda path: put(text, path, {"sweep": [1, 2.5]}),
        lambda path: put(text, path, "a: b"),
        lambda path: remove(text, path),
    )
    for index, path in enumerate([*paths(data)][1:]):
        found = changes[index % 3](path)
        assert comments(found) == comments(text)
        assert found.count("\n") == found.count(line_break)


# Random documents, written in random ways.

KEYS = st.sampled_from(["a", "b", "c", "step", "größe", "two words", "0:1", "d-e"])
SCALARS = st.one_of(
    st.integers(-9, 99),
    st.floats(-1e3, 1e3).map(lambda value: round(value, 3)),
    st.booleans(),
    st.none(),
    st.text("ab #:-[]{}'\"\\&*ü,\n", max_size=6),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
COMMENTS = st.sampled_from(["", "", "", "  # one: 'x'", " # [two", "\t# three"])


class Writing:
    """Writes a document in block style with comments, flow values, anchors and blank lines."""

    def __init__(self, draw):
        self.draw, self.lines, self.anchors = draw, [], []

    def flow(self):
        value = self.draw(VALUES)
        if isinstance(value, str) and self.draw(st.booleans()) and "\n" not in value:
            return "'" + value.replace("'", "''") + "'"
        return spelled(value)

    def inline(self, lead, indent):
        comment = self.draw(COMMENTS)
        ways = {
            "alias": [f"{lead} *{self.draw(st.sampled_from(self.anchors or ['none']))}{comment}"],
            "anchor": [f"{lead} &n{len(self.anchors)} {self.flow()}{comment}"],
            "nothing": [lead + comment],
            "text": [f"{lead} |{comment}", f"{indent}  text # none", ""],
            "lines": [
                f"{lead} [1,{comment}",
                f"{indent}  {{a: 1, b: }},{comment}",
                f"{indent} x]",
            ],
            "value": [f"{lead} {self.flow()}{comment}"],
        }
        way = self.draw(st.sampled_from([*ways, *["value"] * 5][0 if self.anchors else 1 :]))
        if way == "anchor":
            self.anchors.append(f"n{len(self.anchors)}")
        self.lines += ways[way]

    def block(self, indent, depth, first=""):
        """A mapping or a list; ``first`` is what its first line begins with instead of blanks."""
        mapping = self.draw(st.booleans()) or not indent
        keys = self.draw(st.lists(KEYS, min_size=1, max_size=3, unique=True))
        for key in keys:
            begin, first = first or indent, ""
            if begin == indent and self.draw(st.integers(0, 5)) == 0:
                self.lines.append(self.draw(st.sampled_from(["", f"{indent}# own", "   # odd"])))
            lead = f"{begin}{spelled(key)}:" if mapping else f"{begin}-"
            if not depth or self.draw(st.booleans()):
                self.inline(lead, indent)
            elif not mapping and self.draw(st.booleans()):
                self.block(f"{indent}  ", depth - 1, f"{begin}- ")
            else:
                self.lines.append(lead + self.draw(COMMENTS))
                self.block(f"{indent}  ", depth - 1)


@st.composite
def documents(draw):
    writing = Writing(draw)
    writing.block("", 2)
    line_break = draw(st.sampled_from(["\n", "\r\n"]))
    return line_break.join(writing.lines) + draw(st.sampled_from(["", line_break]))


def span(text, path):
    """The first line of a path's place, and the number of the line behind it."""
    parsed, node = parse(text), compose(text)
    layout = Layout(text, node)
    for part in path:
        items = node.content
        node = (
            items[part]
            if isinstance(part, int)
            else next(value for key, value in items if key.content == part)
        )
    stop = layout.stop(node)
    first = parsed.place(path, key=True).line - 1
    return first, text[:stop].count("\n") + 1


@given(documents(), st.data())
@settings(max_examples=150, deadline=None)
def test_edits_of_random_documents(text, data):
    before = parse(text)
    if before.problems:
        return
    known = list(paths(before.data))[1:]
    path = data.draw(st.sampled_from(known))
    kind = data.draw(st.sampled_from(["put", "add", "remove", "insert"]))
    value = data.draw(VALUES)
    wanted = copy.deepcopy(before.data)
    if kind == "put":
        value_at(wanted, path[:-1])[path[-1]] = value
        found = put(text, path, value)
    elif kind == "add":
        holder = value_at(wanted, path)
        if isinstance(holder, list):
            holder.append(value)
            path = (*path, len(holder) - 1)
        elif isinstance(holder, dict) or holder is None:
            value_at(wanted, path[:-1])[path[-1]] = {**(holder or {}), "new": value}
            path = (*path, "new")
        else:
            return
        found = put(text, path, value)
    elif kind == "remove" and len(path) == len(wanted) == 1:
        with pytest.raises(NotEditable, match="as a whole"):
            remove(text, path)
        return
    elif kind == "remove":
        del value_at(wanted, path[:-1])[path[-1]]
        found = remove(text, path)
    else:
        if not isinstance(path[-1], int):
            return
        value_at(wanted, path[:-1]).insert(path[-1], value)
        found = insert(text, path, value)
    after = parse(found)
    assert not after.problems
    assert same(after.data, wanted)
    assert comments(found) == comments(text)
    emptied = kind == "remove" and not value_at(wanted, path[:-1])
    if "*" not in text and not emptied:  # brackets go where the dash or the key is
        whole = kind == "put" and isinstance(path[-1], str)
        first, stop = span(text, path if whole else path[:-1])
        lines = text.splitlines(keepends=True)
        assert found.splitlines(keepends=True)[: max(first, 0)] == lines[: max(first, 0)]
        kept = lines[stop:]
        assert not kept or found.splitlines(keepends=True)[-len(kept) :] == kept
