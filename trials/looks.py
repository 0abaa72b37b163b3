"""`python trials/looks.py FOLDER`: a picture of every reply at a phone's width, to be looked at.

The demo's chat page in a headless Chromium, 390 pixels wide; what is typed is in SHOWN, and each reply's last screen
becomes FOLDER/NN_command.png. Needs chromium, chromedriver and what tests/requirements.txt names. It says which lines
break, and ends with 1 when some do.
"""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests"), str(ROOT)]

import test_browser as page_of
from house import free_port
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from test_webhook_server import Process

SHOWN = (
    *("/start", "/help", "/help volume", "btc", "btc eth sol pepe doge", "/analysis BTC", "/volume BTC", "/cvd ETH"),
    *("/profile BTC", "/profile PEPE 7d", "/ls BTC", "/oi BTC", "/funding BTC", "/funding top", "/liq BTC"),
    *("/spread BTC", "/top10", "/top10 spot", "/top10 oi", "/volscan", "/balance", "/positions", "/pnl", "/status"),
    *("/alert BTC", "/alerts", "/chart BTC 4h", "/price BTV", "/pirce BTC", "/oi BTC ETH", "/volume BTC 7m"),
)
WRAPPED = """
const last = [...document.querySelectorAll('.bot')].at(-1)
return [...(last?.querySelectorAll('pre') || [])].filter(each => {
  const range = document.createRange()
  range.selectNodeContents(each)
  const lines = each.textContent.replace(/\\n$/, '').split('\\n').length
  return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > lines
}).map(each => each.textContent)
"""


def browser() -> Chrome:
    options = ChromeOptions()
    options.binary_location = str(page_of.CHROMIUM)
    for flag in page_of.FLAGS:
        options.add_argument(flag)
    return Chrome(options, Service(page_of.DRIVER))


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    process = Process(["webhook_server.py", "--demo"], {"PORT": str(free_port()), "COMMANDS_PER_MINUTE": "0"})
    driver = browser()
    n_broken = 0
    try:
        page = page_of.begin(driver, process.until(r"^(http://\S+)$")[1])
        for n, text in enumerate(SHOWN):
            print(text, flush=True)
            page_of.ask(page, text)
            name = re.sub(r"\W+", "_", text).strip("_")
            page.save_screenshot(str(folder / f"{n:02}_{name}.png"))
            for table in page.execute_script(WRAPPED):
                n_broken += 1
                print(f"{text}: a line breaks in\n{table}")
    finally:
        driver.quit()
        process.end(signal.SIGINT)
    print(f"{len(SHOWN)} replies in {folder}, {n_broken} tables with broken lines")
    return 1 if n_broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
