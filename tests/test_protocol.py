"""Protocols: YAML to plain data with places, overrides, limits, and what people are told."""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import perf_counter

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from components import load
from records import PROTOCOL, record_content
from stackmend import api
from stackmend.cli.problems import problems_text
from stackmend.errors import Problem, ProtocolError, UsageError
from stackmend.protocol import Sweep, check_stack, examine
from stackmend.protocol.build import expand
from stackmend.protocol.model import SliceSelection
from stackmend.protocol.text import MAX_BYTES, Place, parse, scalar, spell
from test_protocol_files import INVALID, VALID

CHAIN = """\
protocol: 1
chain:
  - step: standardize
  - step: find_charging
    gf1_sigma: 40
  - step: correct_charging
  - step: destandardize
"""


@pytest.fixture
def write(tmp_path):
    def write(text=CHAIN, name="protocol.yaml"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def told(file, **given):
    return [(p.line, p.column, p.path, p.message) for p in examine(file, **given).problems]


# Scalars and places


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("+1", 1), ("-1", -1), ("012", 12), ("0o14", 12), ("0x1F", 31), ("1e-3", 0.001),
        ("1.", 1.0), (".5", 0.5), ("-1.5E+2", -150.0), ("", None), ("~", None), ("null", None),
        ("NULL", None), ("true", True), ("False", False), ("no", "no"), ("off", "off"),
        ("yes", "yes"), ("1_000", "1_000"), ("1:30", "1:30"), ("0/1", "0/1"),
        ("2024-01-31", "2024-01-31"), ("=", "="), ("0b1", "0b1"), ("nULL", "nULL"), ("1e", "1e"),
        (".inf", float("inf")), ("-.INF", float("-inf")), ("1e999", float("inf")),
        ("9" * 5000, float("inf")),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_yaml_1_2_says(text, value):
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_quoted_scalars_are_texts():
    assert parse("[\"1\", 'true', 'null', \"\"]").data == ["1", "true", "null", ""]


def test_places_of_keys_and_values():
    text = parse('a: 1\nchain:\n  - step: "wörter"\n    more: {x: [10, 20]}\n')
    assert text.data == {"a": 1, "chain": [{"step": "wörter", "more": {"x": [10, 20]}}]}
    assert text.values["a",] == Place(1, 4, 1)
    assert text.keys["chain", 0, "step"] == Place(3, 5, 4)
    assert text.values["chain", 0, "step"] == Place(3, 11, 8)
    assert text.values["chain", 0, "more", "x", 1] == Place(4, 20, 2)


def test_what_is_not_in_the_text_is_said_where_it_belongs():
    text = parse("chain:\n  - step: a\n")
    problem = text.problem(("chain", 0, "parameter", "sweep"), "is missing")
    assert (problem.line, problem.column) == (2, 5)


def test_paths_are_spelt_as_people_write_them():
    assert spell(("chain", 1, "gf1_sigma", "sweep", 2)) == "chain[1].gf1_sigma.sweep[2]"
    assert spell(("a b", "c\n", "größe")) == '"a b"."c\\n".größe'


def test_several_faults_of_the_text_and_of_the_values_at_once(write):
    file = write(
        "protocol: 1\nname: !!str x\nname: y\n"
        "chain:\n  - step: standardize\n    per: .inf\n    range: 1\n"
    )
    assert [p[:3] for p in told(file)] == [
        (2, 7, "name"), (3, 1, "name"), (5, 11, "chain[0].step"), (6, 10, "chain[0].per"),
        (7, 12, "chain[0].range"),
    ]  # fmt: skip


# Files as they come


def test_byte_order_mark_and_windows_line_ends(write):
    file = write(b"\xef\xbb\xbf" + CHAIN.replace("\n", "\r\n").replace("40", "0").encode())
    assert [p[:3] for p in told(file)] == [(5, 16, "chain[1].gf1_sigma")]
    assert load(write(b"\xef\xbb\xbf" + CHAIN.replace("\n", "\r\n").encode())).entry(
        "find_charging"
    )


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_not_utf8(write, mark):
    file = write(mark + "name: größe\nfoo: ü".encode() + "größe".encode("latin-1"))
    assert told(file) == [(2, 9, "", "is not UTF-8 text (byte 0xf6); save it as UTF-8")]


def test_utf16(write):
    assert told(write(CHAIN.encode("utf-16")))[0][:2] == (1, 1)


def test_empty_file(write):
    assert told(write(b"")) == [
        (
            1,
            1,
            "",
            "there is nothing in this file; 'stackmend init' prints a protocol to start from",
        )
    ]


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "nothing.yaml", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            examine(path)


def test_large_file_is_refused_without_being_read(tmp_path):
    file = tmp_path / "large.yaml"
    with file.open("wb") as opened:
        opened.write(b"a: &a [" + b"[1, 1, 1], " * MAX_BYTES)
        os.truncate(file, 100_000_000)
    start = perf_counter()
    [problem] = examine(file).problems
    assert perf_counter() - start < 1
    assert (
        problem.message == "is larger than 256 kB, which no protocol is; give the YAML file itself"
    )


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device that never ends")
def test_endless_file():
    assert "larger than" in examine(Path("/dev/zero")).problems[0].message


def test_alias_bomb_is_refused_quickly(write):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 60)]
    start = perf_counter()
    [problem] = examine(write("\n".join(rows))).problems
    assert perf_counter() - start < 1
    assert "expands to more than 50000 values" in problem.message


def test_depth_by_aliases_is_refused(write):
    rows = ["a0: &a0 [1]"] + [f"a{n}: &a{n} {'[' * 30}*a{n - 1}{']' * 30}" for n in range(1, 1000)]
    assert "nested deeper than 40" in examine(write("\n".join(rows))).problems[0].message


def test_many_mistakes_take_no_time(write):
    file = write(CHAIN.replace("40", "{sweep: [" + "x, " * 20_000 + "]}"))
    start = perf_counter()
    assert len(examine(file).problems) == 20_000
    assert perf_counter() - start < 20


def test_a_protocol_says_where_its_values_come_from(write):
    protocol = load(write(), set={"find_charging.color_shift": "0.2"})
    assert protocol.entry("find_charging").origins == {
        "gf1_sigma": "line 5",
        "color_shift": "--set find_charging.color_shift=0.2",
        "inverse": "default",
        "min_area": "default",
    }


# The command line


def test_set_by_step_by_id_and_by_path(write):
    file = write(CHAIN.replace("- step: find_charging", "- step: find_charging\n    id: find"))
    given = {
        "find.gf1_sigma": "80", "chain[1].min_area": "7.0",
        "correct_charging.rb_radius": "{sweep: [2, 10]}",
        "optimize.slices": "[3]", "name": "other",
    }  # fmt: skip
    protocol = load(file, set=given)
    assert protocol.entry("find").parameters["gf1_sigma"] == 80
    assert repr(protocol.entry("find").parameters["min_area"]) == "7"
    assert protocol.entry("correct_charging").sweeps == {"rb_radius": Sweep((2, 10))}
    assert protocol.optimize[0].slices.indices(9) == (3,)
    assert protocol.name == "other"


def test_a_wrong_value_from_the_command_line_is_shown_there(write):
    draft = examine(write(), set={"find_charging.gf1_sigma": "-1"})
    assert problems_text("protocol.yaml", draft.problems, ran=False) == (
        "protocol.yaml: 1 problem, nothing was run\n\n"
        "command line  chain[1].gf1_sigma\n"
        "  $ | --set find_charging.gf1_sigma=-1\n"
        "    |                               ^^ must be above 0 and at most 10000 "
        "(standard deviation of a Gaussian, px); typical 20 to 120"
    )


@pytest.mark.parametrize(
    ("key", "path"),
    [("find_charging.gf1_sgma", "chain[1].gf1_sgma"), ("optimize.slics", "optimize.slics")],
)
def test_an_unknown_key_from_the_command_line_is_shown_there(write, key, path):
    problem = examine(write(), set={key: "40"}).problems[0]
    assert (problem.path, problem.line, problem.source) == (path, 0, f"--set {key}=40")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("find_chargin.gf1_sigma", "40", "did you mean find_charging?"),
        ("gf1_sigma", "40", "begins with no step and no key"),
        ("chain[9].gf1_sigma", "40", "no such place"),
        ("chain[9]", "40", "no such place"),
        ("chain.x", "40", "no such place"),
        ("chain[1].gf1_sigma.x", "40", "no such place"),
        ("protocol.x", "40", "no such place"),
        ("name[0]", "40", "no such place"),
        ("", "40", "begins with no step"),
        ("chain[²].x", "40", "no such place"),
        ("chain[" + "9" * 5000 + "].x", "40", "no such place"),
        ("name", "[", "not valid YAML"),
        ("name", "!!python/none x", "tags such as"),
        ("name", "\udcff", "cannot hold the character U\\+DCFF"),
    ],
)
def test_what_cannot_be_set(write, key, value, message):
    with pytest.raises(UsageError, match=message):
        examine(write(), set={key: value})


def test_the_whole_chain_can_be_set(write):
    problems = examine(
        write(), set={"chain": "[{step: global_decharge}, {step: global_decharge}]"}
    ).problems
    assert [p.message for p in problems] == [
        "global_decharge is in the chain already; give this one an id of its own"
    ]


def test_input_and_output_from_the_command_line(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    file = write(CHAIN + "input: {phantom: {slices: 2}, slices: [0]}\noutput:\n", "p/protocol.yaml")
    protocol = load(file, input=Path("cell"), output=Path("result"))
    assert protocol.input.path == tmp_path / "cell"
    assert protocol.input.phantom is None
    assert protocol.output.path == tmp_path / "result"
    inside = examine(file, input=Path("cell"), output=Path("cell/result")).problems
    assert [(p.line, p.source, p.column) for p in inside] == [(0, "--output cell/result", 10)]


def test_a_step_may_be_called_input(write, tmp_path):
    file = write(CHAIN.replace("- step: standardize", "- step: standardize\n    id: input"))
    assert load(file, input=tmp_path / "cell").input.path == tmp_path / "cell"


def test_the_command_line_does_not_hide_what_is_wrong_with_the_file(write, tmp_path):
    assert "nothing in this file" in told(write(b""), input=tmp_path, set={"name": "x"})[0][3]
    assert told(write(CHAIN + "input: data\n"), input=tmp_path)[0][2] == "input"


def test_the_copy_in_a_result_folder_means_what_the_original_meant(write, tmp_path):
    file = write(CHAIN + "input: {path: data}\n")
    origin = PROTOCOL | {"text": file.read_text(), "folder": "/elsewhere"}
    origin |= {"output": "/out", "set": {"name": "x"}}
    (tmp_path / "run.json").write_text(json.dumps(record_content(protocol=origin)))
    protocol = api.check(file).draft.protocol
    assert (str(protocol.input.path), str(protocol.output.path), protocol.name) == (
        "/elsewhere/data",
        "/out",
        "x",
    )
    for broken in (
        "",
        "[]",
        '{"protocol": 1}',
        json.dumps(record_content(protocol={**origin, "set": [1]})),
        json.dumps(record_content(protocol={**origin, "text": "chain: []"})),
        "[" * 100_000,
    ):
        (tmp_path / "run.json").write_text(broken)
        assert api.check(file).draft.protocol.input.path == tmp_path / "data"


# Values


@pytest.mark.parametrize(
    ("sweep", "whole", "values"),
    [
        ({"from": 0.1, "to": 0.3, "count": 3}, False, [0.1, 0.2, 0.3]),
        ({"from": 4, "to": 50, "count": 3}, False, [4, 27, 50]),
        ({"from": 50, "to": 4, "count": 2}, False, [50, 4]),
        ({"from": 1, "to": 100, "count": 3, "scale": "log"}, False, [1, 10, 100]),
        ({"from": 0.001, "to": 0.1, "count": 3, "scale": "log"}, False, [0.001, 0.01, 0.1]),
        ({"from": 1, "to": 10, "count": 4}, True, [1, 4, 7, 10]),
        ({"from": 1, "to": 4, "count": 3.0}, True, [1, 2, 4]),
        ({"from": 10.0, "to": 1000.0, "count": 3, "scale": "log"}, True, [10, 100, 1000]),
        ({"from": 0.1234567890123456, "to": 1, "count": 2}, False, [0.1234567890123456, 1]),
    ],
)
def test_ranges(sweep, whole, values):
    found = expand(sweep, whole=whole)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@given(
    st.floats(1e-6, 1e6),
    st.floats(1e-6, 1e6),
    st.integers(2, 50),
    st.sampled_from(["linear", "log"]),
)
def test_ranges_keep_their_ends_and_stay_between(low, high, count, scale):
    values = expand({"from": low, "to": high, "count": count, "scale": scale})
    assert len(values) == count
    assert (values[0], values[-1]) == (low, high)
    slack = 1e-11 * max(low, high)
    assert all(min(low, high) - slack <= value <= max(low, high) + slack for value in values)


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("all", (0, 1, 2, 3, 4)),
        ("1:3", (1, 2)),
        (":2", (0, 1)),
        ("3:", (3, 4)),
        ("::2", (0, 2, 4)),
        ("7:9", ()),
    ],
)
def test_slice_ranges(text, indices):
    assert SliceSelection(text).indices(5) == indices
    assert SliceSelection("", (3, 1)).indices(5) == (3, 1)


def test_whole_numbers_may_be_written_as_floats():
    protocol = load(next(file for file in VALID if file.stem == "whole_numbers_as_floats"))
    assert repr(protocol.entry("find_charging").parameters["min_area"]) == "50"
    assert repr(protocol.input.phantom["slices"]) == "4"
    assert repr(protocol.optimize[0].loss.parameters["distance"]) == "5"
    assert repr(protocol.optimize[0].region["y"]) == "(0, 96)"


def test_a_home_folder_of_nobody_is_a_missing_path(write):
    protocol = load(write(CHAIN + "input: {path: ~nobody-of-that-name/data}\n"))
    assert "nobody-of-that-name" in str(protocol.input.path)


# Texts for people


def test_the_text_of_problems_exactly(write):
    file = write(
        "# yaml-language-server: $schema=../schemas/protocol.schema.json\n"
        "protocol: 1                       # version of this format\n"
        "name: decharge-inverse\n"
        "input:\n"
        "  phantom: {slices: 4, height: 96, width: 128}\n"
        "chain:\n"
        "  - step: standardize\n"
        "  - step: find_charging\n"
        "    gf1_sgma: 40\n"
        "    color_shift: 1.7\n"
        "  - step: correct_charging\n"
        "    gf2_sigma: {sweep: [40, 80]}\n"
        "  - step: destandardize\n"
        "optimize:\n"
        "  slices: [1, 900]\n"
    )
    with pytest.raises(ProtocolError) as caught:
        api.check(file).job()
    assert problems_text(caught.value.name, caught.value.problems, ran=False) == (
        "protocol.yaml: 3 problems, nothing was run\n"
        "\n"
        "protocol.yaml:9:5  chain[1].gf1_sgma\n"
        "  9 |     gf1_sgma: 40\n"
        "    |     ^^^^^^^^ find_charging has no such parameter; did you mean gf1_sigma?\n"
        "protocol.yaml:10:18  chain[1].color_shift\n"
        "  10 |     color_shift: 1.7\n"
        "     |                  ^^^ must be between 0 and 1 "
        "(fraction of the standardised grey range); typical 0.05 to 0.2\n"
        "protocol.yaml:15:15  optimize.slices[1]\n"
        "  15 |   slices: [1, 900]\n"
        "     |               ^^^ phantom has 4 slices, 0 to 3"
    )


def test_warnings_are_counted_and_kept_beside_errors(write):
    file = write(
        "protocol: 1\nchain:\n  - step: standardize\n  - step: global_decharge\n    gf1_sigma: 0\n"
    )
    with pytest.raises(ProtocolError) as caught:
        load(file)
    text = problems_text("protocol.yaml", caught.value.problems, ran=None)
    assert text.startswith("protocol.yaml: 2 problems, 1 warning\n")
    assert "warning: on a standardised slice" in text


def test_the_text_of_problems_shows_nothing_a_terminal_obeys():
    problem = Problem("a\x1b[31m", "odd \x1b[2J", 1, 2, 3, "\tb\x9b: x")
    assert "\x1b" not in problems_text("p", [problem], ran=None)
    assert problems_text("p", [problem], ran=None).splitlines()[-2:] == [
        "  1 |  b : x",
        "    |  ^^^ odd  [2J",
    ]


def test_the_text_of_problems_crops_long_lines():
    line = "x" * 500 + "HERE" + "y" * 500
    shown, caret = problems_text(
        "p", [Problem("a", "wrong", 1, 501, 4, line)], ran=None
    ).splitlines()[-2:]
    assert len(shown) < 150
    assert shown[caret.index("^") :].startswith("HERE")


def test_check_as_json(write, capsys, monkeypatch, tmp_path):
    from stackmend.cli import main

    file = write(
        CHAIN.replace("40", "0") + "input: {phantom: {slices: 2, height: 64, width: 96}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["check", "protocol.yaml", "--format", "json"]) == 3
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert problem == {
        "path": "chain[1].gf1_sigma",
        "message": "must be above 0 and at most 10000 (standard deviation of a Gaussian, px); "
        "typical 20 to 120",
        "line": 5,
        "column": 16,
        "length": 1,
        "source": "    gf1_sigma: 0",
        "severity": "error",
    }
    write(CHAIN + "input: {phantom: {slices: 2, height: 64, width: 96}}\n")
    assert main(["check", str(file), "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content == {
        "file": str(file), "status": 0, "problems": [],
        "stack": {
            "label": "phantom", "shape": [2, 64, 96],
            "pixel_size_nm": [None, None, None], "pixel_size_source": None, "notes": [],
        },
    }  # fmt: skip


def test_the_starting_protocol_is_valid(write):
    assert told(write(api.init())) == []


# Anything at all

_fuzz = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SEEDS = [file.read_text(encoding="utf-8") for file in (*VALID, *INVALID)]
TOKENS = [
    "[", "]", "{", "}", ": ", "- ", "\n", "\n  ", "\t", "#", "&a ", "*a ", "!!x ", "'", '"',
    "---\n", "? ", "<<: *a\n", ".nan", "-1", "1e300", "9" * 500, "0x" + "f" * 9000, "null", "~",
    "{}", "[]", "{sweep: {from: 1, to: 9, count: 3}}", "step", "sweep", "\x85", "\u2028", "\x00",
    "\ufeff", "\U0001f52c", '"0:' + "9" * 6000 + '"', "{sweep: 1}", "true",
]  # fmt: skip
WEIRD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(TOKENS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def survives(file: Path, content: bytes) -> None:
    """A protocol, problems in the file, or a usage error; nothing else, and all can be shown."""
    file.write_bytes(content)
    try:
        draft = examine(file)
    except UsageError:
        return
    lines = content.decode("utf-8", "replace").splitlines()
    for problem in draft.problems:
        assert 1 <= problem.line <= len(lines) + 1
        assert problem.column >= 1
    assert problems_text(file.name, draft.problems, ran=False)
    if draft.protocol is None:
        assert draft.problems
        return
    for problem in check_stack(draft.protocol, (4, 96, 128), 1, "stack"):
        assert problem.message
    if not draft.problems:
        assert draft.accepted().chain


@_fuzz
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
@example("\ud800".encode("utf-8", "replace"))
@example(b'protocol: 1\nchain: [{step: standardize}]\ninput: {path: "a\\0b"}\n')
@example(b"protocol: 1\nchain: [{step: [standardize]}]\noptimize: {loss: {name: [x]}}\n")
@example(b"? [a]\n: b\n? {c: d}\n: e\n")
@example(b"- - - - a: &x {b: *x}\n")
def test_any_bytes(tmp_path, content):
    survives(tmp_path / "any.yaml", content)


@_fuzz
@given(st.data())
def test_any_edit_of_a_protocol(tmp_path, data):
    text = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(start + 20, len(text))))
        text = text[:start] + data.draw(st.sampled_from(["", *TOKENS])) + text[stop:]
    survives(tmp_path / "edited.yaml", text.encode())


@_fuzz
@given(st.data())
def test_any_value_anywhere(tmp_path, data):
    content = parse(data.draw(st.sampled_from(SEEDS))).data
    for _ in range(data.draw(st.integers(1, 3))):
        place = content
        while isinstance(place, dict | list) and place:
            key = data.draw(
                st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
            )
            if not isinstance(place[key], dict | list) or data.draw(st.integers(0, 3)) == 0:
                place[key] = data.draw(WEIRD)
                break
            place = place[key]
    survives(
        tmp_path / "changed.yaml",
        yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "replace"),
    )


@_fuzz
@given(st.text(max_size=30), st.sampled_from(TOKENS) | st.text(max_size=20))
def test_any_assignment(tmp_path, key, value):
    file = tmp_path / "set.yaml"
    file.write_text(CHAIN)
    for name in (key, f"find_charging.{key}", f"chain[1].{key}", f"optimize{key}"):
        try:
            assert problems_text(file.name, examine(file, set={name: value}).problems, ran=None)
        except UsageError:
            continue
