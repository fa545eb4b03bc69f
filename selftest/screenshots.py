"""Takes the pictures of the docs from real runs: `python -m selftest.screenshots`.

Needs chromium, poppler-utils (for the sheet of paper) and pngquant (to make the pictures small).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from selftest.browser import chromium
from selftest.showcase import ROOT, judged, server

WORLDS = {"green": "migrated", "red": "red", "hostile": "hostile"}
# A width, a height, and whether it is dark.
SCREENS = {"desktop": (1280, 1500, False), "phone": (360, 1500, False), "dark": (1280, 1500, True)}


def taken(browser: Browser, page: Path, world: str, directory: Path) -> None:
    """Takes all pictures of one report."""
    for screen, (width, height, dark) in SCREENS.items():
        tab = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        tab.goto(page.as_uri())
        tab.screenshot(path=directory / f"report-{world}-{screen}.png")
        tab.close()
    tab = browser.new_page()
    tab.goto(page.as_uri())
    with tempfile.NamedTemporaryFile(suffix=".pdf") as paper:
        tab.pdf(path=paper.name, format="A4", prefer_css_page_size=True, print_background=True)
        sheet = directory / f"report-{world}-print"
        subprocess.run(["pdftoppm", "-r", "75", "-l", "1", "-png", "-singlefile", paper.name, sheet], check=True)
    tab.close()


def main(directory: Path) -> None:
    """Judges the three worlds and takes pictures of their reports."""
    directory.mkdir(parents=True, exist_ok=True)
    with server() as throwaway, tempfile.TemporaryDirectory() as reports, chromium() as browser:
        for world, database in WORLDS.items():
            taken(browser, judged(throwaway, database, Path(reports)), world, directory)
    smaller(directory)


def smaller(directory: Path) -> None:
    """Makes the pictures small: they need few colours."""
    subprocess.run(["pngquant", "--force", "--ext", ".png", "48", *sorted(directory.glob("report-*.png"))], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
