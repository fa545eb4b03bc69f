"""Debian's Chromium, without a window, for what only a browser can tell of a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Nothing of it asks the network for anything.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def needed() -> bool:
    """Whether a browser must be there: where the suite itself is proven."""
    return bool(os.environ.get("CI"))


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that is ended with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


def expect_usable(page: Page) -> None:
    """Requires that axe looks at a page and finds nothing that keeps somebody from using it."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert found.response["passes"], "nothing was looked at"


@contextmanager
def open_on_phone(path: Path, scheme: Literal["light", "dark"]) -> Iterator[Page]:
    """A page on a narrow screen: axe finds nothing, the browser complains of nothing, and it is not wider."""
    with chromium() as browser:
        page = browser.new_context(color_scheme=scheme, viewport={"width": 360, "height": 700}).new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(path.as_uri())
        expect_usable(page)
        assert complaints == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        yield page
