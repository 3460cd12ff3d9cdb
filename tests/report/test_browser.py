"""The report in a real browser (``tests/browsers.py`` says what is needed)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browsers import ActionChains, By, Keys, needs_browser, open_browser, requests, set_screen
from report_runs import NAME, SLICE
from stackmend import api

pytestmark = needs_browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


def look(browser: Any, page: Path, *, width: int = 1280, **media: str) -> Any:
    """Open a page on a screen of some width, with what the system says about colours and motion."""
    set_screen(browser, width=width, **media)
    requests(browser)
    browser.get(page.as_uri())
    return browser


def split(compare: Any) -> float:
    return float(compare.find_element(By.CSS_SELECTOR, "input[type=range]").get_attribute("value"))


def test_it_opens_from_disk_without_an_error_or_a_request(browser: Any, shared: Path) -> None:
    page = look(browser, shared / "report.html")
    assert browser.get_log("browser") == []
    assert requests(browser) == [(shared / "report.html").as_uri()]
    assert page.find_element(By.TAG_NAME, "h1").text
    broken = "return [...document.images].filter(i => !i.complete || !i.naturalWidth).length"
    assert page.execute_script(broken) == 0
    assert page.execute_script("return document.images.length") > 10


def test_names_do_no_harm(browser: Any, shared: Path) -> None:
    page = look(browser, shared / "report.html")
    assert page.title == f"{NAME}: report of a restoration"
    assert page.execute_script("return document.querySelectorAll('img[src=x]').length") == 0
    assert page.execute_script("return document.scripts.length") == 2
    assert SLICE in page.find_element(By.CSS_SELECTOR, "summary .name").text


def test_the_line_moves_by_mouse_and_by_keyboard(browser: Any, shared: Path) -> None:
    page = look(browser, shared / "report.html")
    compare = page.find_element(By.CSS_SELECTOR, ".compare")
    stage, line = (
        compare.find_element(By.CSS_SELECTOR, name) for name in (".stage", ".stage .line")
    )
    page.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", stage
    )
    assert split(compare) == 50
    width = stage.size["width"]
    ActionChains(page).move_to_element(stage).click_and_hold().move_by_offset(
        round(width * 0.3), 0
    ).release().perform()
    assert split(compare) == pytest.approx(80, abs=1)
    assert line.rect["x"] - stage.rect["x"] == pytest.approx(width * 0.8, abs=width * 0.02)
    shown = "return getComputedStyle(arguments[0].querySelector('.after')).clipPath"
    revealed = float(page.execute_script(shown, stage).removesuffix("%)").split()[-1])
    assert revealed == pytest.approx(80, abs=1)
    # The enlarged part goes with it.
    zoom = compare.find_element(By.CSS_SELECTOR, ".zoom")
    assert page.execute_script(shown, zoom) == page.execute_script(shown, stage)
    # The slider has the focus now: the arrow keys move it on.
    ActionChains(page).send_keys(Keys.ARROW_LEFT * 5).perform()
    assert split(compare) == pytest.approx(75, abs=1)
    ActionChains(page).send_keys(Keys.HOME).perform()
    assert split(compare) == 0
    assert page.execute_script(shown, stage).endswith("0%)")


def test_the_outline_can_be_taken_away(browser: Any, shared: Path) -> None:
    page = look(browser, shared / "report.html")
    outline = page.find_element(By.CSS_SELECTOR, ".stage .outline")
    assert outline.is_displayed()
    box = page.find_element(By.CSS_SELECTOR, ".outline-on")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", box)
    box.click()
    assert not outline.is_displayed()


def test_pointing_at_a_combination_shows_its_parameters(browser: Any, shared: Path) -> None:
    with (shared / "losses.csv").open(newline="", encoding="utf-8") as lines:
        table = {row["combination"]: row for row in csv.DictReader(lines)}
    page = look(browser, shared / "report.html")
    plot = page.find_element(By.CSS_SELECTOR, ".hover")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", plot)
    marks = page.execute_script(
        "return JSON.parse(document.getElementById('hover').textContent).s0all.points"
    )
    assert (
        len(marks)
        == len([row for row in table.values() if row["mean_loss"] and row["gf1_sigma"]])
        > 5
    )
    width, height = plot.size["width"], plot.size["height"]
    for x, y, index, *_ in marks:
        move = ActionChains(page, duration=0).move_to_element_with_offset(
            plot, round((x - 0.5) * width), round((y - 0.5) * height)
        )
        move.perform()
        told = plot.find_element(By.CSS_SELECTOR, ".tip").text.splitlines()
        row = table[str(index)]
        expected = [
            f"{name} {float(row[name]):g}" for name in ("gf1_sigma", "color_shift", "rb_radius")
        ]
        assert told == [f"loss {float(row['mean_loss']):.4f}", *expected, f"combination {index}"]


def test_points_are_where_the_graph_draws_them(browser: Any, shared: Path) -> None:
    """The places handed to the script against the drawn marks themselves."""
    page = look(browser, shared / "report.html")
    plot = page.find_element(By.CSS_SELECTOR, ".hover")
    drawn = page.execute_script(
        r"""const box = arguments[0].getBoundingClientRect();
        const dots = arguments[0].querySelector('.dots');
        return [...dots.getAttribute('d').matchAll(/M([-\d.]+) ([-\d.]+)h0/g)].map(
          found => new DOMPoint(found[1], found[2]).matrixTransform(dots.getScreenCTM())).map(
          p => [(p.x - box.x) / box.width, (p.y - box.y) / box.height]);""",
        plot,
    )
    marks = page.execute_script(
        "return JSON.parse(document.getElementById('hover').textContent).s0all.points"
    )
    assert len(drawn) == len(marks)
    for (x, y, *_), place in zip(marks, drawn, strict=True):
        assert place == pytest.approx((x, y), abs=0.001)


def test_points_can_be_reached_by_keyboard(browser: Any, shared: Path) -> None:
    page = look(browser, shared / "report.html")
    plot = page.find_element(By.CSS_SELECTOR, ".hover")
    page.execute_script("arguments[0].focus()", plot)
    tip = plot.find_element(By.CSS_SELECTOR, ".tip")
    assert not tip.is_displayed()
    ActionChains(page).send_keys(Keys.ARROW_RIGHT).perform()
    chosen = json.loads((shared / "run.json").read_text(encoding="utf-8"))["searches"][0]
    assert tip.text.splitlines()[0] == f"loss {chosen['loss_of_choice']:.4f}"
    first = tip.text
    ActionChains(page).send_keys(Keys.ARROW_RIGHT).perform()
    assert tip.text != first
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not tip.is_displayed()


def paper(page: Any) -> str:
    return str(page.execute_script("return getComputedStyle(document.body).backgroundColor"))


def test_light_and_dark(browser: Any, shared: Path) -> None:
    light = paper(look(browser, shared / "report.html", prefers_color_scheme="light"))
    page = look(browser, shared / "report.html", prefers_color_scheme="dark")
    page.execute_script("try { localStorage.clear() } catch (e) {}")
    dark = paper(page)
    assert light != dark
    button = page.find_element(By.ID, "theme")
    seen = []
    for _ in range(3):
        button.click()
        seen.append(
            (page.find_element(By.TAG_NAME, "html").get_attribute("data-theme"), paper(page))
        )
    assert seen == [("light", light), ("dark", dark), ("auto", dark)]
    # Text in plots goes along.
    ink = "return getComputedStyle(document.querySelector('.chart text')).fill"
    in_the_dark = page.execute_script(ink)
    button.click()
    assert page.execute_script(ink) != in_the_dark


AWKWARD = {
    "gf1_sigma": "<b>&amp; \"quoted\" 'name' of forty letters",
    "color_shift": "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
    "rb_radius": "\N{GRINNING FACE}\N{FAMILY} שם ארוך מאוד 漢字漢字漢字",
}
"""Names of parameters: markup, the widest letters, and emoji, Hebrew and Chinese in one."""


def overlapping(page: Any) -> list[str]:
    """Pairs of texts within a plot that lie on each other, and texts that stick out of it."""
    return list(
        page.execute_script(
            """document.querySelectorAll('details').forEach(each => { each.open = true; });
            const found = [];
            for (const plot of document.querySelectorAll('.chart')) {
              const whole = plot.getBoundingClientRect();
              const texts = [...plot.querySelectorAll('text')];
              const boxes = texts.map(each => each.getBoundingClientRect());
              boxes.forEach((a, i) => {
                if (a.left < whole.left - 1 || a.right > whole.right + 1
                    || a.top < whole.top - 1 || a.bottom > whole.bottom + 1)
                  found.push('outside: ' + texts[i].textContent);
                boxes.slice(0, i).forEach((b, j) => {
                  if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
                      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
                    found.push(texts[j].textContent + ' / ' + texts[i].textContent);
                });
              });
            }
            return found;"""
        )
    )


@pytest.mark.parametrize("width", [360, 1280])
def test_no_text_of_a_plot_lies_on_another(browser: Any, result: Path, width: int) -> None:
    page = look(browser, result / "report.html", width=width)
    assert page.execute_script("return document.querySelectorAll('.chart text').length") > 50
    assert overlapping(page) == []
    # Nor where people have given long names.
    file = result / "losses.csv"
    with file.open(newline="", encoding="utf-8") as lines:
        table = list(csv.DictReader(lines))
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow([AWKWARD.get(name, name) for name in table[0]])
        for row in table:
            writer.writerow(
                [
                    f"{value} and more of it" if name == "rb_radius" else value
                    for name, value in row.items()
                ]
            )
    api.report(result)
    page = look(browser, result / "report.html", width=width)
    assert overlapping(page) == []
    titles = page.execute_script(
        "return [...document.querySelectorAll('.chart title')].map(each => each.textContent)"
    )
    assert set(AWKWARD.values()) <= set(titles)


def test_no_colour_of_a_plot_is_lost_on_paper(browser: Any, shared: Path) -> None:
    """A page in the dark is printed in the colours of a bright one: paper is white."""
    page = look(browser, shared / "report.html", prefers_color_scheme="dark")
    page.execute_script("document.documentElement.dataset.theme = 'dark'")
    ink = "return getComputedStyle(document.querySelector('.chart text')).fill"
    dark = page.execute_script(ink)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert page.execute_script(ink) != dark
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("width", [360, 768])
def test_no_screen_has_to_be_pushed_sideways(browser: Any, shared: Path, width: int) -> None:
    page = look(browser, shared / "report.html", width=width)
    page.execute_script(
        "document.querySelectorAll('details').forEach(each => { each.open = true; })"
    )
    assert page.execute_script("return innerWidth") == width
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_motion_only_for_those_who_want_it(browser: Any, shared: Path) -> None:
    page = look(browser, shared / "report.html", prefers_reduced_motion="reduce")
    film = page.find_element(By.CSS_SELECTOR, ".film")
    image, button = film.find_element(By.TAG_NAME, "img"), film.find_element(By.TAG_NAME, "button")
    assert button.text == "Play"
    assert image.get_attribute("src") == image.get_attribute("data-still")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", film)
    button.click()
    assert image.get_attribute("src") != image.get_attribute("data-still")
    page = look(browser, shared / "report.html", prefers_reduced_motion="no-preference")
    assert page.find_element(By.CSS_SELECTOR, ".film button").text == "Pause"


def test_without_scripts_everything_is_there(browser: Any, shared: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page = look(browser, shared / "report.html")
        before, after = (
            page.find_element(By.CSS_SELECTOR, f".stage .{name}") for name in ("before", "after")
        )
        assert before.is_displayed()
        assert after.is_displayed()
        assert after.rect["y"] >= before.rect["y"] + before.rect["height"] - 1
        assert not page.find_element(By.ID, "theme").is_displayed()
        assert page.find_element(By.CSS_SELECTOR, ".hover svg").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
