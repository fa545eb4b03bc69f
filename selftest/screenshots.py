"""Takes the pictures of the docs from real runs: `python -m selftest.screenshots`.

Needs chromium, poppler-utils (for the sheet of paper) and pngquant (to make the pictures small).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from postmigration.gate.commands import cli
from postmigration.postgres import embedded
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


def trace(browser: Browser, throwaway: embedded.Server, reports: Path, directory: Path) -> None:
    """Takes the picture of a trace: where the tables of a small migration went, and the columns of one, with damage."""
    scripts = ROOT / "selftest" / "trace"
    throwaway.create("trace_before")
    with throwaway.connect("trace_before") as connection:
        embedded.run_script(connection, scripts / "before.sql")
    throwaway.create("trace_after", template="trace_before")
    with throwaway.connect("trace_after") as connection:
        embedded.run_script(connection, scripts / "migration.sql")
        connection.execute("UPDATE \"Offer\" SET title = left(title, 6) WHERE id LIKE 'tof_1%'")
        connection.execute("DELETE FROM \"Series\" WHERE id IN ('ser_3', 'ser_6')")
    page = reports / "trace.html"
    cli.main(["trace", *map(throwaway.conninfo, ("trace_before", "trace_after")), f"--html={page}"])
    tab = browser.new_page(viewport={"width": 800, "height": 800}, reduced_motion="reduce")
    tab.goto(page.as_uri())
    first, last = (tab.locator("figure.flow").nth(n).bounding_box() for n in (0, 2))
    assert first is not None
    assert last is not None
    clip = {"x": first["x"] - 8, "y": first["y"] - 8, "width": 680.0, "height": last["y"] + last["height"] - first["y"]}
    tab.screenshot(path=directory / "trace.png", full_page=True, clip=clip)  # type: ignore[arg-type]  # a FloatRect
    tab.close()


def main(directory: Path) -> None:
    """Judges the three worlds and takes pictures of their reports, and one of a trace."""
    directory.mkdir(parents=True, exist_ok=True)
    with server() as throwaway, tempfile.TemporaryDirectory() as reports, chromium() as browser:
        trace(browser, throwaway, Path(reports), directory)
        for world, database in WORLDS.items():
            taken(browser, judged(throwaway, database, Path(reports)), world, directory)
    smaller(directory)


def smaller(directory: Path) -> None:
    """Makes the pictures small: they need few colours."""
    taken = [*sorted(directory.glob("report-*.png")), directory / "trace.png"]
    subprocess.run(["pngquant", "--force", "--ext", ".png", "48", *taken], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
