"""Takes the picture of the docs, of a plan that waits for staging and people: `python -m selftest.deployment.picture`.

Needs chromium, and pngquant to make the picture small.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from postmigration.deployment.output.page import write
from selftest.browser import chromium
from selftest.conftest import ROOT
from selftest.deployment.records import make
from selftest.deployment.reference import BEFORE, CHECKS, deploy, sign

_RED = make(checks=CHECKS, word="NO-GO", status=1, sentence="2 of 29 plan checks failed: 5, 7")


def main(picture: Path) -> None:
    """Takes it."""
    plan = deploy([BEFORE[0], _RED, BEFORE[2]], sign("staging"), "production", 3)
    with tempfile.TemporaryDirectory() as directory, chromium() as browser:
        write(plan, Path(directory) / "deployment.html")
        tab = browser.new_page(viewport={"width": 1280, "height": 1360}, color_scheme="light", reduced_motion="reduce")
        tab.goto((Path(directory) / "deployment.html").as_uri())
        tab.screenshot(path=picture)
    subprocess.run(["pngquant", "--force", "--ext", ".png", "48", picture], check=True)


if __name__ == "__main__":
    main(ROOT / "docs" / "pictures" / "deployment.png")
