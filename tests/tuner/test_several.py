"""The tuner's page for a protocol of several searches, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from browsers import needs_browser, open_browser
from tuner_page import Page, opened, serving, until, written

pytestmark = needs_browser

TEXT = """\
# Shading, charge and noise, one after the other.
protocol: 1
name: several
input: {path: cell}
chain:
  - {step: flatten, id: even, method: gaussian, sigma: {sweep: [8, 16]}}
  - {step: destripe, strength: {sweep: [0.5, 1]}}
  - {step: denoise, h: {sweep: [0.7, 1.4]}, reach: 0}
optimize:
  - {steps: [even], slices: [1], loss: flatness}
  - {steps: [destripe], slices: [1], loss: stripe_isotropy}
  - {steps: [denoise], slices: [1], loss: j_invariance}
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    browser = open_browser(tmp_path_factory.mktemp("profile"))
    server = serving(written(tmp_path_factory.mktemp("several"), TEXT))
    yield opened(browser, server)
    server.close()
    browser.quit()


def choose(page: Page, css: str, value: object) -> None:
    page.run(
        """const list = document.querySelector(arguments[0]); list.value = arguments[1];
        list.dispatchEvent(new Event('change', { bubbles: true }))""",
        css,
        value,
    )


def texts(page: Page, css: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map(each => each.textContent)"
    found: list[str] = page.run(script, css)
    return found


def shown_steps(page: Page) -> list[str]:
    script = """return [...document.querySelectorAll('details.step')]
        .filter(each => each.offsetParent).map(each => each.dataset.step)"""
    found: list[str] = page.run(script)
    return found


def test_each_step_has_a_page_of_controls(page: Page) -> None:
    steps = ["even", "destripe", "denoise"]
    assert shown_steps(page) == steps
    page.click("[data-page=destripe]")
    assert shown_steps(page) == ["destripe"]
    page.after(lambda: page.move("destripe-strength", 0.7))
    assert shown_steps(page) == ["destripe"]
    page.click('[data-page=""]')
    assert shown_steps(page) == steps
    pictures = page.run("return [...document.querySelectorAll('#left option')].map(o => o.value)")
    assert {f"{step}.image" for step in steps} <= {*pictures}


def test_each_search_is_done_on_what_those_before_it_chose(page: Page) -> None:
    page.click("#tab-search")
    for entry, chosen in enumerate(("sigma", "strength", "h")):
        choose(page, "#panel-search > select", entry)
        until(lambda: page.text("#search") == "Search")
        page.click("#search")
        found = until(lambda chosen=chosen: _row(page, chosen))
        assert "leave it alone" in found
    assert page.browser.get_log("browser") == []


def _row(page: Page, name: str) -> str:
    """The table of a search that is done and is about a parameter."""
    text = page.text("#panel-search table.found")
    told = text + page.text("#panel-search .outcome")
    done = page.text("#search") == "Search" and ("chosen" in text or "nothing" in told)
    return text if done and (name in text or "nothing" in told) else ""


def test_the_losses_of_all_searches_are_shown_by_name(page: Page) -> None:
    assert texts(page, "#figures .losses-here dt") == [
        "flatness",
        "stripe_isotropy",
        "j_invariance",
    ]
    values = "#figures .losses-here small"
    until(lambda: all(each.startswith("untouched") for each in texts(page, values)))


def test_loss_second_loss_and_strategy_are_chosen_there(page: Page) -> None:
    choose(page, "#panel-search > select", 0)
    choose(page, "#how-strategy", "patience")
    until(lambda: page.protocol()["optimize"][0].get("strategy") == "patience")
    until(lambda: page.run("return document.querySelector('#how-strategy-stop_after') !== null"))
    choose(page, "#how-also", "j_invariance")
    until(lambda: page.protocol()["optimize"][0].get("also") == "j_invariance")
    choose(page, "#how-also", "")
    until(lambda: "also" not in page.protocol()["optimize"][0])
    choose(page, "#how-loss", "j_invariance")
    until(lambda: page.protocol()["optimize"][0]["loss"] == "j_invariance")
    assert page.run("return document.getElementById('text').value").startswith("# Shading")
