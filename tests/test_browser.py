"""The chat page in a real browser, with the real server behind it: what a newcomer sees."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_webhook_server import Process, free_port

import bot

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # selenium's own
]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=420,860", "--force-device-scale-factor=1",
)  # fmt: skip


@pytest.fixture
def page() -> Iterator[Chrome]:
    """The open page; the demo behind it ends with the test."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    process = Process(["webhook_server.py", "--demo"], {"PORT": str(free_port())})
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in FLAGS:
        options.add_argument(flag)
    try:
        url = process.until(r"^(http://\S+)$")[1]
        driver = Chrome(options, Service(DRIVER))
        try:
            driver.get(url)
            yield driver
        finally:
            driver.quit()
    finally:
        process.end(signal.SIGINT)


def typed(page: Chrome, text: str) -> None:
    field = page.find_element("id", "text")
    field.clear()
    field.send_keys(text + "\n")


def answers(page: Chrome) -> list[str]:
    return [each.text for each in page.find_elements("css selector", ".message:not(.mine)")]


def wait_for(page: Chrome, n_answers: int, seconds: float = 5) -> list[str]:
    deadline = time.monotonic() + seconds
    while len(found := answers(page)) < n_answers and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(found) >= n_answers, f"only {found}"
    return found


def test_price_and_refresh_in_the_browser(page: Chrome) -> None:
    typed(page, "/price BTC")
    (answer,) = wait_for(page, 1, seconds=2)
    for word in ("BTC-USDT", "spot", "perp", "last", "OI $", "funding", "Binance ·", "SIMULATED"):
        assert word in answer
    time.sleep(2.1)  # until the answer is no longer kept
    (button,) = page.find_elements("css selector", ".keys button")
    assert button.text == "🔄 Refresh"
    button.click()
    deadline = time.monotonic() + 5
    while "edited" not in answers(page)[0] and time.monotonic() < deadline:
        time.sleep(0.05)
    (refreshed,) = answers(page)
    assert "edited" in refreshed
    assert refreshed != answer
    assert "BTC-USDT" in refreshed


def test_conversation_in_the_browser(page: Chrome) -> None:
    texts = ["/start", "/help", "/price pepe", "/price BTCC", "/balance", "/positions", "/pnl"]
    texts.append("<b>hello</b> & goodbye")
    for number, text in enumerate(texts):
        typed(page, text)
        wait_for(page, number + 1)
    found = answers(page)
    assert "PEPE-USDT" in found[2]
    assert "Did you mean BTC?" in found[3]
    assert "Balance  $" in found[4]
    assert page.find_elements("css selector", ".mine")[-1].text.startswith("<b>hello</b> & goodbye")
    menu = [f"/{name}" for name in bot.COMMANDS]
    assert [each.text for each in page.find_elements("css selector", "#menu button")] == menu
    wide = "return [...document.querySelectorAll('pre')].filter(each => each.scrollWidth > each.clientWidth).length"
    assert page.execute_script(wide) == 0, "a table is wider than the phone"
    if target := os.environ.get("SCREENSHOT"):
        page.save_screenshot(str(Path(target).resolve()))
