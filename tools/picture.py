"""Takes the README's picture: `python tools/picture.py`, with chromium, its driver and tests/requirements.txt.

Opens the demo's chat page, types the commands below, and writes docs/chat.png: the screens beside each other, as a
phone shows them. The page says that all is simulated.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).resolve().parent.parent
SCREENS = (("btc",), ("/chart ETH 1h",))  # what is typed before each is taken
GAP = 24  # pixels between two screens
PATIENCE_S = 15.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=500,900",
    "--force-device-scale-factor=1",
)  # fmt: skip


def open_page(url: str) -> Chrome:
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in FLAGS:
        options.add_argument(flag)
    page = Chrome(options, Service(shutil.which("chromedriver")))
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1.5, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    page.get(url)
    return page


def begin(page: Chrome) -> None:
    """Presses START, which is there until somebody has."""
    for button in page.find_elements("id", "start"):
        if button.is_displayed():
            button.click()
            time.sleep(1.5)


def ask(page: Chrome, text: str) -> None:
    """Types a command and waits for its answer."""
    before = len(page.find_elements("css selector", ".message:not(.mine)"))
    page.find_element("id", "text").send_keys(text + "\n")
    deadline = time.monotonic() + PATIENCE_S
    while len(page.find_elements("css selector", ".message:not(.mine)")) == before:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{text} is not answered")
        time.sleep(0.1)


def taken(page: Chrome, texts: Sequence[str]) -> Image.Image:
    """The screen after the last answer."""
    for text in texts:
        ask(page, text)
    time.sleep(1.0)  # for the page's own movements
    return Image.open(io.BytesIO(page.get_screenshot_as_png())).convert("RGB")


def beside(shots: Sequence[Image.Image]) -> Image.Image:
    """One picture of all, in the colours that they need."""
    width = sum(shot.width for shot in shots) + GAP * (len(shots) - 1)
    whole = Image.new("RGB", (width, max(shot.height for shot in shots)), "white")
    left = 0
    for shot in shots:
        whole.paste(shot, (left, 0))
        left += shot.width + GAP
    return whole.quantize(256, dither=Image.Dither.NONE)


def free_port() -> int:
    with socket.create_server(("", 0)) as taken:
        return int(taken.getsockname()[1])


def main() -> int:
    environ = {**os.environ, "PORT": str(free_port()), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "webhook_server.py", "--demo"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            found = next(found for line in demo.stdout if (found := re.search(r"http://[\w.:]+", line)))
            page = open_page(found[0])
            try:
                begin(page)
                shots = [taken(page, texts) for texts in SCREENS]
            finally:
                page.quit()
        finally:
            demo.terminate()
    beside(shots).save(ROOT / "docs" / "chat.png", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
