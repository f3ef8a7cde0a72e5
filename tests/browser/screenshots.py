"""The pictures of README and docs, taken anew from a running demo: `make run`, then

    python -m tests.browser.screenshots [http://127.0.0.1:8000]

Writes docs/images/*.png in 256 colours, so that each stays below 200 KB (`tests/portal/test_docs.py`).
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.servers import chromium_path

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
PASSWORD = "demo-portal-2022"
WIDTH = 1280
SHOTS = {
    # picture: person, language, address, height
    "home.png": ("linmei", "en-GB", "/", 900),
    "score-zh.png": ("linmei", "zh-CN", "/rfq/score/", 900),
    "theme.png": ("linmei", "en-GB", "/listings/themes/121323/", 900),
    "night.png": ("operator", "en-GB", "/admin/portal/nightrun/", 800),
}


def main() -> int:
    """Take every picture."""
    base = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000").rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"]
        )
        for name, (person, language, address, height) in SHOTS.items():
            _take(browser, base, IMAGES / name, person, language, address, height)
            print(f"{name}: {(IMAGES / name).stat().st_size / 1024:.0f} KB")
        browser.close()
    return 0


def _take(
    browser: Browser, base: str, path: Path, person: str, language: str, address: str, height: int
) -> None:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": height}, locale=language, color_scheme="light"
    )
    page = context.new_page()
    page.goto(f"{base}/accounts/login/")
    page.fill("input[name=login]", person)
    page.fill("input[type=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto(base + address)
    shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
    shot.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    context.close()


if __name__ == "__main__":
    sys.exit(main())
