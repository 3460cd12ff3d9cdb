"""A page of the tuner in a browser, as a person has it before her: for tests and pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image
from selenium.webdriver.support.ui import WebDriverWait

from browsers import ActionChains, By, Keys, requests, set_screen

pytest.importorskip("starlette", reason="needs: pip install 'stackmend[tune]'")
pytest.importorskip("uvicorn", reason="needs: pip install 'stackmend[tune]'")
pytest.importorskip("websockets", reason="needs: pip install 'stackmend[tune]'")

from stackmend.tuner.opening import protocol_subject
from stackmend.tuner.serving import Server

__all__ = ["TEXT", "Page", "Server", "opened", "serving", "until", "written"]

PATIENCE = 120
"""Seconds after which what should have happened is given up; no outcome depends on them."""

TEXT = """\
# A tiny stack with two dark and two bright spots.
protocol: 1
name: tiny
input: {path: cell}
chain:
  - step: standardize
  - step: find_charging
    inverse: true             # dark
    gf1_sigma: {sweep: [8, 12]}
    min_area: 20
  - step: correct_charging
    gf2_sigma: 8
    rb_radius: {sweep: [5, 10]}
    gf3_sigma: 3
    border: 4
  - step: destandardize
optimize:
  slices: [1]
  loss: {name: charging_histogram, distance: 4}
"""


def charged() -> np.ndarray[Any, Any]:
    random = np.random.default_rng(1)
    y, x = np.mgrid[:96, :128]
    stack = 0.5 + 0.03 * random.standard_normal((4, 96, 128))
    for index, image in enumerate(stack):
        for top, left in ((20 + index, 30), (60, 90 - index)):
            image -= 0.35 * np.exp(-((y - top) ** 2 + (x - left) ** 2) / 60)
        image += 0.35 * np.exp(-((y - 70) ** 2 + (x - 30 + index) ** 2) / 60)
    stack[:, 0, 0], stack[:, -1, -1] = 0, 1
    return (stack.clip(0, 1) * 255).astype(np.uint8)


def written(folder: Path, text: str = TEXT) -> Path:
    """A protocol beside its stack."""
    (folder / "cell").mkdir(parents=True)
    for index, image in enumerate(charged()):
        tifffile.imwrite(folder / "cell" / f"slice{index}.tif", image)
    protocol = folder / "tiny.yaml"
    protocol.write_text(text, encoding="utf-8")
    return protocol


def serving(protocol: Path) -> Server:
    """A server for a protocol, on a port that is free."""
    return Server(protocol_subject(protocol, input=None, set={}), port=0)


def until(condition: Callable[[], Any]) -> Any:
    """Wait for something, and return it."""
    return WebDriverWait(None, PATIENCE, poll_frequency=0.03).until(lambda _: condition())


class Page:
    """A page of the tuner as a person has it before her."""

    def __init__(self, browser: Any, server: Server) -> None:
        self.browser, self.server = browser, server

    def run(self, script: str, *values: Any) -> Any:
        return self.browser.execute_script(script, *values)

    def find(self, css: str) -> Any:
        return self.browser.find_element(By.CSS_SELECTOR, css)

    def click(self, css: str) -> None:
        element = self.find(css)
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    def text(self, css: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).textContent", css))

    def protocol(self) -> Any:
        """The protocol as its text says it."""
        return yaml.safe_load(self.run("return document.getElementById('text').value"))

    @property
    def revision(self) -> int:
        """Of the exact picture on the screen; 0 before the first, or where it is a quick one."""
        found = self.run(
            "const {revision, quick} = document.getElementById('stage').dataset;"
            "return quick === 'false' ? revision : 0"
        )
        return int(found)

    @property
    def slice(self) -> int:
        """The slice on the screen."""
        return int(self.run("return document.getElementById('stage').dataset.slice"))

    def after(self, act: Callable[[], Any]) -> int:
        """Do something, and wait until the picture of what it leads to is on the screen."""
        before = self.revision
        act()
        return int(until(lambda: self.revision > before and self.revision))

    def seen(self) -> str:
        """The pixels of the stage."""
        return str(self.run("return document.getElementById('canvas').toDataURL()"))

    def keys(self, *names: str, hold: str = "") -> None:
        self.run("document.activeElement.blur()")
        chain = ActionChains(self.browser)
        if hold:
            for key in hold.split("+"):
                chain.key_down(getattr(Keys, key))
        for name in names:
            chain.send_keys(getattr(Keys, name, name))
        if hold:
            for key in hold.split("+"):
                chain.key_up(getattr(Keys, key))
        chain.perform()

    def move(self, name: str, value: object) -> None:
        """Type a value into the field of a parameter."""
        self.run(
            "const field = document.getElementById(arguments[0]); field.value = arguments[1];"
            "field.dispatchEvent(new Event('input', {bubbles: true}))",
            f"p-{name}",
            str(value),
        )

    def picture(self, layer: str, mode: str = "L") -> np.ndarray[Any, Any]:
        """What the server has for the picture on the screen, levels as they are."""
        query = {
            "token": self.server.access.token,
            "session": self.run("return sessionStorage.getItem('session')"),
            "revision": self.revision,
            "slice": self.slice,
            "channel": 0,
            "layer": layer,
        }
        query |= {"y": 0, "x": 0, "height": 96, "width": 128, "scale": 1, "low": 0, "high": 255}
        host = self.server.access.hosts[0]
        with urlopen(f"http://{host}/picture?{urlencode(query)}") as answer:
            return np.asarray(Image.open(io.BytesIO(answer.read())).convert(mode))


def opened(browser: Any, server: Server, *, fresh: bool = True, **screen: Any) -> Page:
    """The page of a server, with its first exact picture on the screen."""
    set_screen(browser, **{"prefers_color_scheme": "light", **screen})
    browser.get(server.access.address)
    if fresh:
        browser.execute_script("sessionStorage.clear(); localStorage.clear()")
        browser.get_log("browser")
        requests(browser)
        browser.get(server.access.address)
    page = Page(browser, server)
    until(lambda: page.revision)
    return page
