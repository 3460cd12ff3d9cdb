"""What a page is told and shown, from its first message to the file that it saves."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from websockets.exceptions import ConnectionClosed

from stackmend import api
from stackmend.errors import InputError
from stackmend.preview import Cancelled, Preview
from stackmend.tuner.messages import LONGEST
from stackmend.tuner.opening import stack_subject
from tuner_client import PATIENCE, WHOLE, Page

SIGMA = ["chain", 1, "gf1_sigma"]
SWEPT = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": True, "gf1_sigma": {"sweep": [8, 12]}, "min_area": 20},
    {"step": "correct_charging", "gf2_sigma": 8, "rb_radius": 5, "gf3_sigma": 3, "border": 4},
    {"step": "destandardize"},
]


@pytest.fixture
def second(server):
    page = Page(server.access)
    yield page
    page.close()


def test_the_picture_is_what_a_run_writes(page, shared):
    api.run(shared)
    for number in (0, 2):
        picture = page.look(number)
        assert picture["status"] == "restored"
        shown = page.pixels(picture, "after", low=0, high=255)
        written = tifffile.imread(shared.parent / "result" / "stack" / f"slice{number}.tif")
        np.testing.assert_array_equal(shown, written)
        raw = tifffile.imread(shared.parent / "cell" / f"slice{number}.tif")
        np.testing.assert_array_equal(page.pixels(picture, "before", low=0, high=255), raw)
        mask = page.pixels(picture, "mask")
        assert ((mask > 0) & (written != raw)).any()


def test_parts_and_scales_and_layers_of_a_picture(page):
    picture = page.look(0, "before", "after", "outline", "difference", "flattened", "nothing")
    assert picture["ranges"].keys() == {"before", "after", "difference", "flattened"}
    assert page.answer(picture, "nothing").status == 404
    assert page.pixels(picture, "flattened").std() > 0
    assert picture["window"] == WHOLE
    part = page.pixels(picture, "after", y=8, x=10, height=20, width=30, scale=0.5)
    assert part.shape == (10, 15)
    assert page.pixels(picture, "before", y=8, x=10, height=20, width=30, scale=2).shape == (40, 60)
    assert page.pixels(picture, "difference").shape == (48, 64)
    filled = page.pixels(picture, "mask")
    outline = page.pixels(picture, "outline")
    np.testing.assert_array_equal(page.pixels(picture, "mask", outline=1), outline)
    assert 0 < (outline > 0).sum() < (filled > 0).sum()
    answer = page.answer(picture, "before", low=10, high=20)
    assert (answer.headers["X-Low"], answer.headers["X-High"]) == ("10", "20")
    assert answer.headers["X-Revision"] == str(picture["revision"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0},
        {"scale": "nan"},
        {"scale": 33},
        {"scale": "x"},
        {"low": "inf"},
        {"y": -1},
        {"height": "1e9"},
        {"slice": ""},
        {"quick": 2},
        {"outline": "yes"},
        {"layer": ""},
        {"layer": "a" * 300},
    ],
)
def test_no_such_picture(page, wrong):
    answer = page.answer(page.look(), wrong.pop("layer", "before"), **wrong)
    assert answer.status == 400
    assert answer.body.decode().count("\n") == 1


def test_pictures_that_are_not_there(page, second):
    picture = page.look()
    page.id, own = second.id, page.id
    assert page.answer(picture, "before").status == 410  # that page has painted nothing
    page.id = "nobody"
    assert page.answer(picture, "before").status == 404
    page.id = own
    assert page.answer(picture, "../../errors.py").status == 404
    assert page.answer(picture, "difference", scale=32, height=10**8, width=10**8).status == 200
    page.do("set", path=SIGMA, value=9)
    newer = page.until("picture", quick=False)
    assert page.answer(newer, "before").status == 200
    assert page.answer(picture, "before").status == 410


def test_edits_are_of_the_text_and_can_be_undone(page, shared):
    text = shared.read_text()
    edited = page.do("set", path=SIGMA, value=12)
    assert edited["text"] == text.replace("gf1_sigma: 8", "gf1_sigma: 12")
    assert (edited["undo"], edited["redo"], edited["saved"]) == (True, False, None)
    undone = page.do("undo")
    assert (undone["text"], undone["undo"], undone["redo"]) == (text, False, True)
    assert page.do("redo")["text"] == edited["text"]
    page.do("keep", slot="A")
    page.do("set", path=SIGMA, value=20)
    assert page.do("take", slot="A")["text"] == edited["text"]
    assert shared.read_text() == text  # nothing is written but by saving


def test_what_changes_nothing_is_no_new_picture(page):
    edited = page.do("set", path=SIGMA, value=12)
    same = [page.do("keep", slot="A"), page.do("take", slot="A"), page.do("redo")]
    same.append(page.do("set", path=SIGMA, value=12))
    assert {each["revision"] for each in same} == {edited["revision"]}
    assert same[0]["slots"] == {"A": True, "B": False}


def test_a_control_for_every_parameter(page):
    controls = page.do("undo")["controls"]
    assert [each["step"] for each in controls] == [
        *("standardize", "find_charging", "correct_charging", "destandardize"),
    ]
    sigma = next(each for each in controls[1]["parameters"] if each["name"] == "gf1_sigma")
    assert (sigma["value"], sigma["path"], sigma["unit"]) == (8, SIGMA, "px")


def test_figures_come_after_the_picture_and_never_before(page):
    page.send("look", slice=1, channel=0, layers=["after"], window=WHOLE, scale=1)
    figures = page.until("figures", slice=1)
    kinds = [each["kind"] for each in page.seen if each.get("slice") == 1]
    assert kinds.index("picture") < kinds.index("figures")
    assert 0 < figures["changed"] < 1
    assert sum(figures["histogram"]["before"]) == 48 * 64


class Gate:
    """Holds every question to the preview for products of a slice until it is opened."""

    def __init__(self, monkeypatch):
        self.asked, self.reached, self.opened = [], threading.Event(), threading.Event()
        real = Preview.products

        def held(preview, state, number, channel, names, *, cancelled):
            self.asked.append(number)
            self.reached.set()
            while not self.opened.wait(0.001):
                if cancelled():
                    raise Cancelled
            return real(preview, state, number, channel, names, cancelled=cancelled)

        monkeypatch.setattr(Preview, "products", held)


def look(page, number):
    page.send("look", slice=number, channel=0, layers=["after"], window=WHOLE, scale=1)


def test_a_newer_move_overtakes_all_before(page, monkeypatch):
    page.look(1)
    page.until("figures", slice=1)
    page.seen.clear()
    gate = Gate(monkeypatch)
    look(page, 0)
    assert gate.reached.wait(PATIENCE)
    for number in (1, 2, 3, 1, 2, 3):
        look(page, number)
    page.do("keep", slot="A")  # answered when all before it has been taken note of
    gate.opened.set()
    assert page.until("picture", quick=False)["slice"] == 3
    page.until("figures")
    assert {each["slice"] for each in page.seen if each["kind"] == "picture"} == {3}


def test_moves_of_one_hand_are_one(page, monkeypatch):
    """Values that come while one is examined are not examined each."""
    reached, opened, taken = threading.Event(), threading.Event(), []
    real = Preview.take

    def held(preview, text, **how):
        taken.append(text)
        reached.set()
        opened.wait(PATIENCE)
        return real(preview, text, **how)

    monkeypatch.setattr(Preview, "take", held)
    page.send("set", path=SIGMA, value=10)
    assert reached.wait(PATIENCE)
    for value in range(11, 40):
        page.send("set", path=SIGMA, value=value)
    last = page.send("set", path=SIGMA, value=40)
    page.send("set", path=["chain", 1, "border"], value=2)
    page.socket.ping().wait(PATIENCE)
    opened.set()
    page.until("state", reply=last + 1)
    assert len(taken) <= 4
    assert "gf1_sigma: 40" in taken[-1]


def test_the_window_on_the_screen_is_shown_first(page, monkeypatch):
    monkeypatch.setattr("stackmend.preview.windows.MARGIN", 0)
    page.look(0, "after", "mask", "flattened")  # what sees the whole slice is known from now on
    page.until("figures")
    window = {"y": 10, "x": 12, "height": 16, "width": 20}
    page.send("look", slice=0, channel=0, layers=["after", "mask"], window=window, scale=1)
    page.until("picture", quick=False)
    page.do("set", path=["chain", 2, "gf3_sigma"], value=4)
    soon = page.until("picture")
    exact = page.until("picture")
    assert (soon["quick"], exact["quick"]) == (True, False)
    assert (soon["window"], exact["window"]) == (window, WHOLE)
    assert page.pixels(soon, "after", **window).shape == (16, 20)


PROBLEMS = [
    ("not JSON", "must be JSON"),
    ("[1, 2]", "must be a JSON object"),
    ('{"do": "set", "seq": "x"}', "seq: must be a whole number"),
    ('{"do": "fly", "seq": 7}', "do: must be one of hello,"),
    ('{"seq": 7}', "do: must be one of"),
    ('{"do": ["set"], "seq": 7}', "do: must be one of"),
    ('{"do": "set", "seq": 7}', "set: path is missing"),
    ('{"do": "set", "seq": 7, "path": "chain", "value": 1}', "path must be a list of names"),
    ('{"do": "set", "seq": 7, "path": [], "value": 1}', "path must be a list of names"),
    ('{"do": "set", "seq": 7, "path": [-1], "value": 1}', "path must be a list of names"),
    ('{"do": "set", "seq": 7, "path": ["chain"], "value": NaN}', "NaN is no number of JSON"),
    ('{"do": "keep", "seq": 7, "slot": "C"}', "slot must be A or B"),
    ('{"do": "profile", "seq": 7, "start": [0, 1e999], "stop": [0, 0]}', "start must be [y, x]"),
    ('{"do": "look", "seq": 7, "slice": 1.5}', "slice must be a whole number"),
    ("[" * 100_000, "must be JSON"),
    ('{"do": "text", "seq": 7, "text": ' + "[" * 60 + "]" * 60 + "}", "nested at most"),
    ('{"do": "text", "text": "' + "a" * LONGEST + '"}', "a message has at most"),
]


@pytest.mark.parametrize(("sent", "said"), PROBLEMS, ids=[said for _, said in PROBLEMS])
def test_messages_that_are_none(page, sent, said):
    page.socket.send(sent)
    problem = page.until("problem")
    assert said in problem["message"]
    assert "\n" not in problem["message"]
    assert problem["seq"] == (7 if '"seq": 7' in sent and "NaN" not in sent else None)
    assert page.do("undo")["sound"]


@pytest.mark.parametrize(
    ("do", "more", "said"),
    [
        ("set", {"path": ["chain", 99, "gf1_sigma"], "value": 1}, "chain"),
        ("remove", {"path": ["nothing"]}, "nothing"),
        ("take", {"slot": "B"}, "B: nothing is kept there"),
        ("alternative", {"name": "x"}, "there is only one chain"),
        ("search", {"entry": 0}, "the protocol has 0 searches"),
        ("save", {"name": "../x"}, "name: must be that of a file"),
        ("save", {"name": "x", "folder": "/"}, "and in folders of it only"),
        ("save", {"name": "x", "folder": ".."}, "and in folders of it only"),
    ],
)
def test_what_cannot_be_done_is_said(page, do, more, said):
    before = page.do("undo")["text"]
    seq = page.send(do, **more)
    while True:
        message = json.loads(page.socket.recv(timeout=PATIENCE))
        why = message.get("message") or message.get("reason") or ""
        if said in why:
            break
    assert message.get("seq", seq) == seq
    assert page.do("undo")["text"] == before


def test_grey_levels_along_a_line(page):
    picture = page.look(2)
    page.send("profile", start=[20, 3], stop=[20, 60])
    line = page.until("profile", slice=2)
    np.testing.assert_array_equal(
        line["after"], page.pixels(picture, "after", low=0, high=255)[20, 3:61]
    )
    assert len(line["before"]) == len(line["mask"]) == 58
    page.send("profile", start=[0, 0], stop=[0, 900])
    assert "stay inside" in page.until("problem")["message"]


def test_bytes_and_messages_without_end(server, page):
    page.socket.send(b"\0\1")
    assert "must be text" in page.until("problem")["message"]
    page.do("set", path=SIGMA, value=31)
    page.socket.send("a" * (5 * LONGEST))
    with pytest.raises(ConnectionClosed):
        page.until("problem")
    again = Page(server.access, page.id)
    assert again.back
    assert "gf1_sigma: 31" in again.hello()["text"]
    again.close()


def test_a_defect_ends_nothing(page, monkeypatch, caplog):
    def broken(*_, **__):
        raise ZeroDivisionError("by nought")

    with monkeypatch.context() as patch:
        patch.setattr("stackmend.tuner.session.edit", broken)
        page.send("undo")
        assert page.until("problem")["message"] == "ZeroDivisionError: by nought"
    with monkeypatch.context() as patch:
        patch.setattr(Preview, "figures", broken)
        page.send("look", slice=1, channel=0, layers=["after"], window=WHOLE, scale=1)
        assert "ZeroDivisionError" in page.until("picture", status="failed")["reason"]
    assert "by nought" in caplog.text
    page.do("undo")
    assert page.look(2)["status"] == "restored"


def test_each_page_has_its_own_document(server, page, second):
    mine, other = page.do("set", path=SIGMA, value=21), second.hello()
    assert "gf1_sigma: 21" in mine["text"]
    assert "gf1_sigma: 21" not in other["text"]
    pictures = page.look(), second.look()
    shown = [each.pixels(p, "before") for each, p in zip((page, second), pictures, strict=True)]
    np.testing.assert_array_equal(*shown)


def test_a_page_that_comes_back_has_what_it_had(server):
    page = Page(server.access)
    text = page.do("set", path=SIGMA, value=17)["text"]
    page.look(3)
    page.close()
    again = Page(server.access, page.id)
    assert (again.id, again.back) == (page.id, True)
    state = again.hello()
    assert (state["text"], state["undo"]) == (text, True)
    assert again.until("picture", quick=False)["slice"] == 3  # what it looked at
    again.close()


def test_a_copy_of_a_page_goes_on_by_itself(server, page, monkeypatch):
    monkeypatch.setattr("stackmend.tuner.live._LEAVING_S", 0.0)
    text = page.do("set", path=SIGMA, value=17)["text"]
    copy = Page(server.access, page.id)
    assert (copy.id == page.id, copy.back) == (False, False)
    assert copy.do("set", path=SIGMA, value=18)["text"] != text
    assert page.do("keep", slot="A")["text"] == text
    copy.close()


def test_those_that_were_left_longest_are_forgotten(serve, file, monkeypatch):
    server = serve(file)
    monkeypatch.setattr("stackmend.tuner.sessions.MOST", 2)
    left = []
    for _ in range(4):
        page = Page(server.access)
        page.hello()
        page.close()
        left.append(page.id)
    backs = []
    for id in reversed(left):
        page = Page(server.access, id)
        backs.append(page.back)
        page.close()
    assert backs == [True, True, False, False]


def test_the_search_of_a_run_goes_on_before_the_eyes(serve, protocol, cell):
    file = protocol(chain=SWEPT, optimize={"slices": [1], "loss": {"name": "charging_histogram"}})
    page = Page(serve(file).access)
    page.hello()
    page.send("search", entry=0)
    found = page.until("search", running=False)
    state = page.until("state")
    record = api.run(file).record
    chosen = found["points"][found["chosen"]]
    assert len(found["points"]) == 2
    assert state["values"] == chosen["values"]
    assert record["searches"][0]["chosen"] == {
        "gf1_sigma": chosen["values"]["find_charging.gf1_sigma"]
    }
    assert record["searches"][0]["loss_of_choice"] == chosen["loss"]
    page.send("save", name="found", freeze=True)
    text = Path(page.until("saved")["path"]).read_text()
    assert "# chosen on slice 1 by charging_histogram" in text
    page.close()


def test_a_search_that_is_stopped(serve, protocol, cell, monkeypatch):
    def endless(preview, state, entry, *, told, cancelled):
        while not cancelled():
            pass
        raise Cancelled

    monkeypatch.setattr(Preview, "search", endless)
    file = protocol(chain=SWEPT, optimize={"slices": [1]})
    page = Page(serve(file).access)
    page.hello()
    page.send("search", entry=0)
    page.send("search", entry=0)
    assert "there is one at work" in page.until("problem")["message"]
    page.send("stop")
    assert page.until("search", running=False)["reason"] == "stopped"
    page.close()


def test_saving(page, shared):
    text = page.do("set", path=SIGMA, value=19)["text"]
    page.send("save", name="mine")
    saved = page.until("saved")
    place = shared.parent / "mine.yaml"
    assert saved["path"] == str(place)
    assert saved["command"] == f"stackmend run {place}"
    assert place.read_text() == text
    assert page.do("undo")["saved"] == str(place)
    page.send("save", name="mine")
    assert page.until("problem")["exists"]
    assert place.read_text() == text
    page.send("save", name="mine", replace=True)
    page.until("saved")
    assert place.read_text() == shared.read_text()


def test_a_broken_protocol_says_what_check_says_and_can_be_mended(serve, file):
    sound = file.read_text()
    file.write_text(sound.replace("gf1_sigma", "gf1_sgma"))
    said = api.check(file).draft.problems
    page = Page(serve(file).access)
    state = page.hello()
    assert (state["sound"], state["stack"]) == (False, None)
    assert [(each["line"], each["column"], each["message"]) for each in state["problems"]] == [
        (each.line, each.column, each.message) for each in said
    ]
    assert "did you mean gf1_sigma?" in state["problems"][0]["message"]
    assert page.do("text", text=sound)["sound"]
    assert page.look(1)["status"] == "restored"
    broken = page.do("text", text="chain: [")
    assert (broken["sound"], broken["stack"]["slices"]) == (False, 4)  # what was shown stays
    assert page.look(2)["revision"] == broken["sound_revision"]
    file.write_text(sound.replace("gf1_sigma: 8", "gf1_sigma: 11"))
    assert "gf1_sigma: 11" in page.do("again")["text"]
    page.close()


def test_a_broken_stack_says_what_check_says_and_can_be_mended(serve, file, cell):
    spoiled = cell / "slice2.tif"
    content = spoiled.read_bytes()
    spoiled.write_bytes(b"II*\0 nothing")
    page = Page(serve(file).access)
    state = page.hello()
    with pytest.raises(InputError) as caught:
        api.check(file).raise_problems()
    assert [each["message"] for each in state["problems"]] == [str(caught.value)]
    assert (state["sound"], state["problems"][0]["where"]) == (False, "input")
    spoiled.write_bytes(content)
    assert page.do("again")["sound"]
    assert page.look(2)["status"] == "restored"
    page.close()


def test_a_stack_is_shown_while_its_protocol_is_written(serve, cell, monkeypatch, file):
    monkeypatch.chdir(cell.parent)
    looked = threading.Event()

    def write(progress):
        progress("looking at 4 slices")
        looked.wait(PATIENCE)
        return file.read_text()

    page = Page(serve(stack_subject("cell", json.dumps("cell"), write)).access)
    state = page.hello()
    assert (state["looking"], state["file"], state["folder"]) == (True, None, str(cell.parent))
    picture = page.look(1)
    np.testing.assert_array_equal(
        page.pixels(picture, "after", low=0, high=255), tifffile.imread(cell / "slice1.tif")
    )
    looked.set()
    state = page.until("state", looking=False)
    assert yaml.safe_load(state["text"]) == yaml.safe_load(file.read_text())
    page.close()


def test_a_stack_that_nothing_can_be_written_for(serve, cell, monkeypatch):
    monkeypatch.chdir(cell.parent)
    may = threading.Event()

    def write(_):
        may.wait(PATIENCE)
        raise InputError("cell: has no slice that can be read; check the files")

    page = Page(serve(stack_subject("cell", json.dumps("cell"), write)).access)
    page.hello()
    may.set()
    assert "has no slice" in page.until("problem")["message"]
    assert page.look()["status"] == "restored"
    page.close()


def test_the_end_of_the_server_is_the_end_of_all_it_does(serve, file, monkeypatch):
    gate = Gate(monkeypatch)
    server = serve(file)
    page = Page(server.access)
    look(page, 0)
    assert gate.reached.wait(PATIENCE)
    server.close()
    with pytest.raises(ConnectionClosed):
        page.until("picture")
    page.close()
