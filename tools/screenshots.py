"""The pictures of the desk in the README: ``make screenshots`` takes them anew.

Homeward is run with its invented cases on free ports, and Chromium looks at it: Debian's, or the one that the
environment variable ``HOMEWARD_CHROMIUM`` names. Both end with this program, and nothing else does.
"""

import argparse
import io
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tools.house import house

FOLDER: Final = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH: Final = 1200
SHARPNESS: Final = 1.5
COLOURS: Final = 48
"""A page has few; with so many its letters stay smooth, and the picture small."""
MOST_BYTES: Final = 200_000


@dataclass(frozen=True)
class Picture:
    """One picture: its file's name, who sits at the desk, the page, and how much of it is seen, in CSS pixels."""

    name: str
    person: str
    path: str
    height: int


PICTURES: Final = (
    Picture("inbox.png", "caseworker-md-1", "/", 1210),
    Picture("case.png", "central-authority-md-2", "/cases/MD-UA-{year}-DEM009", 1165),
)


def take(browser: Browser, desk: str, picture: Picture) -> bytes:
    """One picture as PNG. Raises ValueError where it is too large to be shown in a document."""
    context = browser.new_context(
        locale="en", viewport={"width": WIDTH, "height": picture.height}, device_scale_factor=SHARPNESS
    )
    try:
        window = context.new_page()
        window.goto(f"{desk}/sign-in")
        window.locator(f"input[value={picture.person}]").check()
        window.locator("main button").click()
        window.wait_for_url(f"{desk}/")
        # Fonts and all; the open line to the case page's news does not count as loading.
        window.goto(desk + picture.path.format(year=datetime.now(UTC).year), wait_until="load")
        window.evaluate("document.fonts.ready")
        taken = window.screenshot(animations="disabled")
    finally:
        context.close()
    made = io.BytesIO()
    Image.open(io.BytesIO(taken)).convert("RGB").quantize(COLOURS).save(made, "PNG", optimize=True)
    if made.tell() > MOST_BYTES:
        raise ValueError(f"{picture.name} has {made.tell()} bytes, more than {MOST_BYTES}")
    return made.getvalue()


def main() -> None:
    """Take all pictures into a folder."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--into", type=Path, default=FOLDER, help="the folder that they are written to")
    into: Path = asks.parse_args().into
    chromium = os.environ.get("HOMEWARD_CHROMIUM", "/usr/bin/chromium")
    with house() as home, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        into.mkdir(parents=True, exist_ok=True)
        for picture in PICTURES:
            taken = take(browser, home.desk, picture)
            (into / picture.name).write_bytes(taken)
            print(f"{into / picture.name}: {len(taken):,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
