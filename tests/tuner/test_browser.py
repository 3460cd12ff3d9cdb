"""The tuner's page in a real browser (``tests/browsers.py`` says what is needed)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from browsers import ActionChains, By, needs_browser, open_browser, requests, set_screen
from reference_data import needs_reference, yeast
from stackmend import api
from tuner_page import TEXT, Server, opened, serving, until, written

pytestmark = needs_browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Path], Server]]:
    """Starts servers that end with the module."""
    servers: list[Server] = []

    def start(protocol: Path) -> Server:
        servers.append(serving(protocol))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("tuned"))


@pytest.fixture(scope="module")
def server(serve: Callable[[Path], Server], protocol: Path) -> Server:
    return serve(protocol)


def test_it_opens_without_an_error_and_asks_nobody_else(browser: Any, server: Server) -> None:
    page = opened(browser, server)
    until(lambda: "%" in page.text("#figures"))
    assert browser.get_log("browser") == []
    here = (f"http://{server.access.hosts[0]}/", f"ws://{server.access.hosts[0]}/")
    asked = requests(browser)
    assert asked
    assert [address for address in asked if not address.startswith((*here, "blob:"))] == []
    assert "tiny" in browser.title
    assert "4 slices" in page.text("#stack")
    # Whatever can be worked has a name, and so has every parameter of every step.
    nameless = page.run(
        """return [...document.querySelectorAll('button, input, select, textarea, [tabindex="0"]')]
        .filter(each => !(each.ariaLabel || each.textContent.trim() || each.title
          || each.labels?.length || each.getAttribute('aria-labelledby')))
        .map(each => each.outerHTML)"""
    )
    assert nameless == []
    for name in ("standardize.per", "find_charging.gf1_sigma", "correct_charging.border"):
        assert page.find(f'[data-name="{name}"] label').text == name.split(".")[1]


def test_every_control_makes_another_picture(browser: Any, server: Server) -> None:
    page = opened(browser, server)
    moves = {
        "find_charging-gf1_sigma": 30,
        "find_charging-color_shift": 0.3,
        "find_charging-min_area": 400,
        "correct_charging-gf2_sigma": 2,
        "correct_charging-rb_radius": 2,
        "correct_charging-gf3_sigma": 20,
        "correct_charging-border": 0,
    }
    for name, value in moves.items():
        before = page.seen()
        page.after(lambda name=name, value=value: page.move(name, value))
        assert page.seen() != before, name
        page.after(lambda: page.click("#undo"))
        assert page.seen() == before, name
    before = page.seen()
    page.after(lambda: page.click("#p-find_charging-inverse"))
    assert page.seen() != before
    assert page.protocol()["chain"][1]["inverse"] is False
    assert "# dark" in page.run("return document.getElementById('text').value")


def test_a_slider_is_one_step_of_undo(browser: Any, server: Server) -> None:
    page = opened(browser, server)
    text = page.protocol()
    slider = page.find('[data-name="correct_charging.gf3_sigma"] input[type=range]')
    page.run("arguments[0].scrollIntoView({block: 'center'})", slider)
    drag = ActionChains(browser, duration=20).move_to_element(slider).click_and_hold()
    for _ in range(8):
        drag.move_by_offset(6, 0)
    page.after(lambda: drag.release().perform())
    field = "return document.getElementById('p-correct_charging-gf3_sigma').value"
    shown = float(page.run(field))  # where the slider was let go, whatever is on its way
    until(lambda: page.protocol()["chain"][2]["gf3_sigma"] == shown)
    assert float(page.run(field)) == shown
    page.after(lambda: page.keys("z", hold="CONTROL"))
    assert page.protocol() == text
    page.after(lambda: page.keys("z", hold="CONTROL+SHIFT"))
    assert page.protocol()["chain"][2]["gf3_sigma"] == shown


def test_zoom_and_position_stay(browser: Any, server: Server) -> None:
    page = opened(browser, server)
    stage = page.find("#stage")
    for _ in range(3):
        page.run(
            """const box = arguments[0].getBoundingClientRect();
            arguments[0].dispatchEvent(new WheelEvent('wheel', {deltaY: -300, bubbles: true,
              clientX: box.x + box.width / 5, clientY: box.y + box.height / 3}))""",
            stage,
        )
    zoom = until(lambda: re.match(r"\d+ %", page.text("#zoom")) and page.text("#zoom"))
    page.after(lambda: page.move("correct_charging-gf3_sigma", 20))
    assert page.text("#zoom") == zoom
    where = page.seen()
    page.keys(".")
    until(lambda: page.slice == 1)
    assert page.text("#zoom") == zoom
    page.keys(",")
    until(lambda: page.slice == 0)
    until(lambda: page.revision)
    until(lambda: page.seen() == where)
    page.keys("0")
    until(lambda: page.text("#zoom") == "fit")


def test_keys(browser: Any, server: Server) -> None:
    page = opened(browser, server)
    pressed = "return document.querySelector('#modes [aria-checked=true]').dataset.name"
    for key, mode in (("2", "line"), ("3", "one"), ("1", "side")):
        page.keys(key)
        assert page.run(pressed) == mode
    for name, key in (("outline", "o"), ("mask", "m")):
        button = page.find(f"[data-over={name}]")
        before = button.get_attribute("aria-pressed")
        page.keys(key)
        assert button.get_attribute("aria-pressed") != before
    page.keys("d")
    assert page.find("#right").get_attribute("value") == "difference"
    page.keys("d")
    page.keys("?")
    assert page.find("#keys").is_displayed()
    assert "undo" in page.text("#keys")
    page.keys("ESCAPE")
    assert not page.find("#keys").is_displayed()
    # Settings A and B: keep, change, keep, flip.
    page.keys("a")
    until(lambda: page.run("return document.querySelector('#slots .kept') !== null"))
    page.after(lambda: page.move("correct_charging-gf3_sigma", 20))
    page.keys("b")
    until(lambda: page.run("return document.querySelectorAll('#slots .kept').length") == 2)
    page.after(lambda: page.keys("a"))
    assert page.protocol()["chain"][2]["gf3_sigma"] == 3
    page.after(lambda: page.keys("b"))
    assert page.protocol()["chain"][2]["gf3_sigma"] == 20
    # Letters typed into a field are letters.
    page.click("#tab-text")
    page.find("#text").send_keys("o")
    assert page.run("return document.getElementById('text').value").count("o") > 0
    assert browser.get_log("browser") == []


def test_every_layer_of_the_chain_can_be_seen(browser: Any, server: Server) -> None:
    page = opened(browser, server)
    names = page.run("return [...document.getElementById('right').options].map(o => o.value)")
    assert {"before", "after", "difference", "mask"} < set(names)
    assert any("flattened" in name for name in names)
    layers = "return document.getElementById('stage').dataset.layers.split(' ')"
    seen = set()
    for name in names:
        page.run(
            "const list = document.getElementById('right'); list.value = arguments[0];"
            "list.dispatchEvent(new Event('change'))",
            name,
        )
        until(lambda name=name: name in page.run(layers))
        seen.add(page.seen())
    assert len(seen) > len(names) // 2
    assert browser.get_log("browser") == []


def test_the_next_slice_over_this_one(browser: Any, server: Server) -> None:
    """Before and after, by one key: this one in red and blue, the next in green."""
    page = opened(browser, server)
    shown = "return document.getElementById('stage').dataset.layers.split(' ')"
    page.keys("n")
    until(lambda: {"next-over-before", "next-over-after"} <= set(page.run(shown)))
    assert "next green" in page.text("#caption-right")
    for side in ("before", "after"):
        red, green, blue = page.picture(f"next-over-{side}", "RGB").transpose(2, 0, 1)
        np.testing.assert_array_equal(red, page.picture(side))
        np.testing.assert_array_equal(blue, red)
        assert not np.array_equal(green, red)
    page.keys(".")
    until(lambda: page.slice == 1 and page.revision)
    until(lambda: {"next-over-after"} <= set(page.run(shown)))
    assert np.array_equal(page.picture("after"), green)
    # Behind the last slice there is none: the one before is laid over it.
    page.keys("PAGE_DOWN")
    until(lambda: page.slice == 3 and page.revision)
    assert not np.array_equal(*page.picture("next-over-after", "RGB").transpose(2, 0, 1)[:2])
    page.keys("n")
    until(lambda: {"before", "after"} <= set(page.run(shown)))
    assert browser.get_log("browser") == []


def test_what_is_searched_and_saved_is_what_run_makes(
    browser: Any, serve: Callable[[Path], Server], tmp_path: Path
) -> None:
    protocol = written(tmp_path)
    page = opened(browser, serve(protocol))
    page.click("#tab-search")
    page.click("#search")
    count = "return document.querySelectorAll('.graph [data-point]').length"
    until(lambda: page.run(count) == 4 and page.text("#search") == "Search")
    assert "leave it alone" in page.text("#panel-search .found")
    assert page.run("return document.querySelectorAll('.graph .chosen').length") == 1
    # A point: its values in the controls, the slice under them on the screen.
    values = "return ['find_charging-gf1_sigma', 'correct_charging-rb_radius'].map(name =>"
    values += " Number(document.getElementById('p-' + name).value))"
    found = set()
    for point in range(4):
        mark = page.find(f".graph [data-point='{point}']")
        ActionChains(browser).move_to_element(mark).click().perform()
        told = re.findall(r"(?:gf1_sigma|rb_radius) (\d+)", page.text(".tip"))
        expected = tuple(map(float, told))
        until(lambda expected=expected: tuple(page.run(values)) == expected)
        found.add(expected)
    assert len(found) == 4
    until(lambda: page.revision and not page.find("#busy").is_displayed())
    # Saved with the values on the screen, it makes these pixels.
    page.click("#save")
    page.click("#saving [value=freeze]")
    page.click("#save-go")
    until(lambda: "there" in page.text("#saving .answer"))
    assert protocol.read_text(encoding="utf-8") == TEXT
    name = page.find("#save-name")
    name.clear()
    name.send_keys("mine.yaml")
    page.click("#save-go")
    command = until(lambda: page.run("return document.querySelector('.command code')?.textContent"))
    assert command.startswith("stackmend run")
    assert "mine.yaml" in command
    shown = page.picture("after")
    number = page.slice
    assert not api.check(tmp_path / "mine.yaml").draft.problems
    result = api.run(tmp_path / "mine.yaml", output=tmp_path / "result")
    made = sorted((tmp_path / "result").rglob("slice*.tif"))[number]
    assert result
    np.testing.assert_array_equal(tifffile.imread(made), shown)


def test_nothing_is_replaced_unasked(
    browser: Any, serve: Callable[[Path], Server], tmp_path: Path
) -> None:
    protocol = written(tmp_path)
    page = opened(browser, serve(protocol))
    page.after(lambda: page.move("correct_charging-gf3_sigma", 7))
    page.keys("s", hold="CONTROL")
    page.click("#save-go")
    until(lambda: page.run("return document.getElementById('save-replace') !== null"))
    assert protocol.read_text(encoding="utf-8") == TEXT
    page.click("#save-replace")
    until(lambda: page.run("return document.querySelector('.command code') !== null"))
    assert protocol.read_text(encoding="utf-8") == TEXT.replace("gf3_sigma: 3", "gf3_sigma: 7")


def test_a_region_and_clean_slices_are_drawn_into_the_protocol(
    browser: Any, server: Server
) -> None:
    page = opened(browser, server)
    page.keys("r")
    stage = page.find("#stage")
    ActionChains(browser).move_to_element_with_offset(
        stage, -round(stage.size["width"] * 0.4), -40
    ).click_and_hold().move_by_offset(90, 80).release().perform()
    region = until(lambda: page.protocol()["optimize"].get("region"))
    assert set(region) == {"y", "x"}
    assert region["y"][1] > region["y"][0]
    page.click("#tab-search")
    page.keys(".", ".")
    page.click("[data-role=clean]")
    until(lambda: page.protocol()["optimize"].get("clean") == [2])
    page.click("[data-role=validate]")
    until(lambda: page.protocol()["optimize"].get("validate") == [2])
    assert not page.protocol()["optimize"].get("clean")


def test_a_profile_where_a_line_is_drawn(browser: Any, server: Server) -> None:
    page = opened(browser, server)
    page.keys("l")
    stage = page.find("#stage")
    ActionChains(browser).move_to_element_with_offset(
        stage, -round(stage.size["width"] * 0.4), -40
    ).click_and_hold().move_by_offset(90, 60).release().perform()
    until(lambda: page.run("return document.querySelector('#profile .after') !== null"))
    assert "px" in page.text("#profile figcaption")
    page.click("#profile .close")
    assert not page.find("#profile").is_displayed()


def test_problems_stand_at_their_line_and_the_picture_stays(browser: Any, server: Server) -> None:
    page = opened(browser, server)
    until(lambda: "%" in page.text("#figures"))
    page.click("#tab-text")
    page.run(
        "const area = document.getElementById('text');"
        "area.value = area.value.replace('gf3_sigma: 3', 'gf3_sgma: 3');"
        "area.dispatchEvent(new Event('input'))"
    )
    problem = until(lambda: page.find("#problems").is_displayed() and page.text("#problems"))
    assert "line 14" in problem
    assert "did you mean gf3_sigma?" in problem
    assert page.text("#panel-text .lines .error").strip() == "14"
    assert "without errors" in page.text("#mark")
    assert page.revision
    page.click("#problems li button")
    at = page.run(
        "const a = document.getElementById('text');"
        "return a.value.slice(0, a.selectionStart).split('\\n').length"
    )
    assert at == 14
    page.after(lambda: page.click("#undo"))
    assert not page.find("#problems").is_displayed()


def test_two_pages_at_once(browser: Any, server: Server) -> None:
    page = opened(browser, server)
    first = browser.current_window_handle
    text = page.protocol()
    browser.switch_to.new_window("tab")
    try:
        other = opened(browser, server)
        other.after(lambda: other.move("correct_charging-gf3_sigma", 20))
        assert other.protocol() != text
    finally:
        browser.close()
        browser.switch_to.window(first)
    assert page.protocol() == text
    page.after(lambda: page.move("correct_charging-gf3_sigma", 10))
    assert page.protocol()["chain"][2]["gf3_sigma"] == 10


def test_a_stack_that_vanishes(
    browser: Any, serve: Callable[[Path], Server], tmp_path: Path
) -> None:
    page = opened(browser, serve(written(tmp_path)))
    shutil.move(tmp_path / "cell", tmp_path / "gone")
    page.keys("PAGE_DOWN")
    said = "return document.getElementById('mark').textContent"
    said += " + document.getElementById('problems').textContent"
    until(lambda: "slice3.tif: cannot be read" in page.run(said))
    assert "Traceback" not in page.run("return document.body.textContent")
    shutil.move(tmp_path / "gone", tmp_path / "cell")
    page.keys("PAGE_UP")
    page.after(lambda: page.move("correct_charging-gf3_sigma", 10))


def test_a_wrong_token_is_said_in_plain_words(browser: Any, server: Server) -> None:
    browser.get(f"http://{server.access.hosts[0]}/?token=wrong")
    said = browser.find_element(By.TAG_NAME, "body").text
    assert "token" in said
    assert "stackmend tune" in said
    browser.get_log("browser")  # says 403, as it should


def test_a_lost_line_is_said_and_taken_up_again(browser: Any, server: Server) -> None:
    page = opened(browser, server)
    page.after(lambda: page.move("correct_charging-gf3_sigma", 20))
    text = page.protocol()
    browser.execute_cdp_cmd("Network.enable", {})
    page.run(
        "window.watched = []; new MutationObserver(() => watched.push("
        "document.getElementById('lost').textContent)).observe("
        "document.getElementById('lost'), {childList: true, attributes: true})"
    )
    for connection in list(server._server.server_state.connections):
        connection.transport.abort()
    until(lambda: page.run("return watched.some(each => each.includes('Trying again'))"))
    until(lambda: not page.find("#lost").is_displayed())
    assert page.protocol() == text
    page.after(lambda: page.move("correct_charging-gf3_sigma", 5))
    browser.get_log("browser")  # says that the line was lost, as it should


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_no_screen_has_to_be_pushed_sideways(browser: Any, server: Server, width: int) -> None:
    page = opened(browser, server, width=width, height=844)
    for tab in ("chain", "search", "text"):
        page.run(f"document.getElementById('tab-{tab}').click()")
        assert page.run("return document.documentElement.scrollWidth") <= width
    assert page.run("return innerWidth") == width


def test_light_and_dark(browser: Any, server: Server) -> None:
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = opened(browser, server, prefers_color_scheme="light").run(paper)
    page = opened(browser, server, prefers_color_scheme="dark")
    dark = page.run(paper)
    assert light != dark
    seen = []
    for _ in range(3):
        page.click("#theme")
        seen.append(page.run(paper))
    assert seen == [light, dark, dark]
    set_screen(browser, prefers_reduced_motion="reduce")
    page.run("document.getElementById('busy').hidden = false")
    moving = "return getComputedStyle(document.getElementById('busy'), '::after').animationName"
    assert page.run(moving) == "none"


@needs_reference
def test_a_real_slice(browser: Any, serve: Callable[[Path], Server], tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "configs" / "published-243.yaml").read_text()
    protocol = tmp_path / "yeast.yaml"
    protocol.write_text(f"{text}input: {{path: {yeast()}}}\n", encoding="utf-8")
    page = opened(browser, serve(protocol))
    before = page.seen()
    page.after(lambda: page.move("correct_charging-gf3_sigma", 25))
    assert page.seen() != before
    until(lambda: re.search(r"untouched \d", page.text("#figures")))
    assert browser.get_log("browser") == []
