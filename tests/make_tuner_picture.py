"""The tuner's picture in the README: the page at work on the built-in synthetic stack.

Run as ``python tests/make_tuner_picture.py tuner.png``; needs a browser (``tests/browsers.py``).
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from browsers import open_browser
from tuner_page import Page, opened, serving, until

WIDTH, HEIGHT = 1280, 800
COLOURS = 256
TEXT = (Path(__file__).resolve().parent.parent / "configs" / "demo.yaml").read_text("utf-8")


def take(page: Page) -> Image.Image:
    """The page as it is on the screen."""
    answer = page.browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    return Image.open(io.BytesIO(base64.b64decode(answer["data"])))


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        protocol = Path(folder) / "demo.yaml"
        protocol.write_text(TEXT, encoding="utf-8")
        server, browser = serving(protocol), open_browser(Path(folder) / "profile")
        try:
            page = opened(browser, server, width=WIDTH, height=HEIGHT)
            page.run(
                "const field = document.getElementById('number'); field.value = 10;"
                "field.dispatchEvent(new Event('change'))"
            )
            until(lambda: page.slice == 10 and page.revision)
            page.click("#tab-search")
            page.click("#search")
            until(lambda: page.run("return document.querySelector('.graph .chosen') !== null"))
            until(lambda: page.text("#search") == "Search")
            page.after(lambda: page.click(".found button"))
            until(lambda: page.run("return document.querySelector('#figures .old') === null"))
            until(lambda: not page.find("#busy").is_displayed())
            picture = take(page)
        finally:
            browser.quit()
            server.close()
    few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(target, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
