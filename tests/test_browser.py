"""The chat page in a real browser: with the real server behind it, and with a bot of the tests' own that shows more."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ROOT
from house import free_port
from test_demo_pictures import FORM, a_form, a_png
from test_webhook_server import Process

import bot
import demo

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
AXE = Path(os.environ.get("AXE_CORE") or ROOT / ".ci/node_modules/axe-core/axe.min.js")
pytestmark = [
    pytest.mark.no_cover,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # selenium's own
    pytest.mark.xdist_group("browser"),  # one browser for all of them
]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=420,860", "--force-device-scale-factor=1",
)  # fmt: skip
PATIENCE_S = 30.0  # on a busy machine
PHONE, DESKTOP = (390, 844), (1280, 900)
SIZES = [pytest.param(PHONE, id="phone"), pytest.param(DESKTOP, id="desktop", marks=pytest.mark.trial)]
both_sizes = pytest.mark.parametrize("size", SIZES)
ALONE = (
    "start",
    "help",
    "balance",
    "positions",
    "pnl",
    "status",
    "top10",
    "volscan",
    "alerts",
    "settings",
)  # commands without a coin


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, Service(DRIVER))
    driver.set_script_timeout(PATIENCE_S)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def demo_url() -> Iterator[str]:
    """The page of `webhook_server.py --demo`, which runs for all tests of this file."""
    process = Process(["webhook_server.py", "--demo"], {"PORT": str(free_port()), "COMMANDS_PER_MINUTE": "0"})
    process.patience(300)
    try:
        yield process.until(r"^(http://\S+)$")[1]
    finally:
        process.end(signal.SIGINT)


@pytest.fixture(scope="module")
def show_url() -> Iterator[str]:
    """The page of a world in which the bot is `a_show`, in a thread of its own."""
    urls: list[str] = []
    is_up = threading.Event()
    ends: list[Callable[[], object]] = []

    async def live() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(over.set))
        world = demo.World(back_off_s=0.02)
        await world.start()
        server = await asyncio.start_server(_speaker(a_show), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        world.telegram.execute("setWebhook", {"url": f"http://127.0.0.1:{port}/webhook"})
        commands = [{"command": "price", "description": "a price"}, {"command": "picture", "description": "a picture"}]
        world.telegram.execute("setMyCommands", {"commands": commands})
        world.telegram.execute("setMyDescription", {"description": "Shows all that a chat can show."})
        urls.append(world.page_url)
        is_up.set()
        await over.wait()
        await world.close()
        server.close()
        await asyncio.sleep(0.05)  # until the connections have ended

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    assert is_up.wait(10)
    try:
        yield urls[0]
    finally:
        ends[0]()
        thread.join(10)


def _speaker(answer: Callable[[dict[str, Any]], tuple[str, bytes]]) -> Any:
    """A webhook that answers each update by a function: content type and body."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                kind, body = answer(json.loads(await reader.readexactly(length)))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n" % kind.encode())
                writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    return speak


def a_show(update: dict[str, Any]) -> tuple[str, bytes]:
    """What the tests' bot answers."""
    if "inline_query" in update:
        return of_inline(update["inline_query"])
    if "guest_message" in update:
        guest = update["guest_message"]
        result = an_article("guest", f"for a guest: {guest['text']}")
        return call("answerGuestQuery", guest_query_id=guest["guest_query_id"], result=result)
    if "callback_query" in update:
        return of_button(update["callback_query"])
    message = update["message"]
    chat_id, text = message["chat"]["id"], message["text"]
    if "via_bot" in message:
        return "application/json", b""
    if text.startswith("/picture"):
        keyboard = json.dumps({"inline_keyboard": [[{"text": "1h", "callback_data": "1h", "style": "primary"}]]})
        return FORM, a_form(method="sendPhoto", chat_id=str(chat_id), caption="15m", reply_markup=keyboard, photo=BLUE)
    return call("sendMessage", chat_id=chat_id, text=ALL_OF_IT, parse_mode="HTML", reply_markup=KEYBOARD)


BLUE, RED = a_png(640, 320, b"\x20\x60\xb0"), a_png(640, 320, b"\xb0\x30\x20")
ALL_OF_IT = (
    "<b>BTC</b> as of <tg-time unix='1700000000' format='D'>14 Nov 2023</tg-time>\n"
    f"<pre>{'123456789.' * 3}12345</pre>\n"
    "<blockquote expandable>" + "\n".join(f"line {number}" for number in range(9)) + "</blockquote>\nthe end"
)
KEYBOARD = {
    "inline_keyboard": [
        [{"text": "🔄", "callback_data": "again"}, {"text": "copy", "copy_text": {"text": "58,000"}}],
        [
            {"text": "no", "callback_data": "no", "style": "danger"},
            {"text": "yes", "callback_data": "yes", "style": "success"},
        ],
        [
            {"text": "ask here", "switch_inline_query_current_chat": "eth"},
            {"text": "ask there", "switch_inline_query": "sol"},
        ],
        [{"text": "docs", "url": "https://core.telegram.org"}],
    ]
}


def call(method: str, **params: Any) -> tuple[str, bytes]:
    return "application/json", json.dumps({"method": method, **params}).encode()


def an_article(result_id: str, text: str) -> dict[str, Any]:
    content = {"message_text": f"<b>{text}</b>", "parse_mode": "HTML"}
    return {
        "type": "article",
        "id": result_id,
        "title": text,
        "description": "58,000",
        "input_message_content": content,
    }


def of_inline(query: dict[str, Any]) -> tuple[str, bytes]:
    results = [an_article(kind, f"{kind} of {query['query']}") for kind in ("price", "funding")]
    return call("answerInlineQuery", inline_query_id=query["id"], results=results, cache_time=0)


def of_button(query: dict[str, Any]) -> tuple[str, bytes]:
    where = {"chat_id": query["message"]["chat"]["id"], "message_id": query["message"]["message_id"]}
    if query["data"] == "1h":
        media = json.dumps({"type": "photo", "media": "attach://p", "caption": "1h"})
        ids = {name: str(value) for name, value in where.items()}
        return FORM, a_form(method="editMessageMedia", media=media, p=RED, **ids)
    return call("answerCallbackQuery", callback_query_id=query["id"], text=f"you said {query['data']}")


# What a reader does.


def open_page(browser: Chrome, url: str, size: tuple[int, int] = PHONE, colours: str = "light") -> Chrome:
    """The page at a size, new for the test; its console is empty so far."""
    override = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", override)
    scheme = {"features": [{"name": "prefers-color-scheme", "value": colours}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    browser.get(url)
    until(lambda: browser.execute_script("return document.body.dataset.ready && bot.commands.length > 0"), "the page")
    return browser


@pytest.fixture(autouse=True)
def quiet_console(browser: Chrome, request: pytest.FixtureRequest) -> Iterator[None]:
    """No test leaves an error on the console. With SCREENSHOTS, a folder, each leaves a picture of its end there."""
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    yield
    if folder := os.environ.get("SCREENSHOTS"):
        browser.save_screenshot(str(Path(folder).resolve() / f"{request.node.name}.png"))
    said = browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert [line["message"] for line in said if line["level"] in ("SEVERE", "WARNING")] == []


def until(is_so: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    """What is_so gives, once it is something."""
    deadline, pause_s = time.monotonic() + seconds, 0.02
    while not (found := is_so()):
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(pause_s)
        pause_s = min(0.2, pause_s * 1.5)  # what takes long costs few questions
    return found


def find(page: Chrome, selector: str) -> list[WebElement]:
    return page.find_elements("css selector", selector)


def text_of(page: Chrome, selector: str) -> str:
    """What the last such element reads, "" for none; in one step, as the page may replace it meanwhile."""
    script = "return [...document.querySelectorAll(arguments[0])].at(-1)?.innerText || ''"
    return str(page.execute_script(script, selector))


WANTED = (
    "const found = [...document.querySelectorAll(arguments[0])];"
    "return arguments[1] ? found.findLast(each => each.innerText.trim() === arguments[1]) : found[0]"
)
"""One question to the browser, however many buttons there are."""


def press(page: Chrome, selector: str, text: str = "") -> None:
    """Presses what a selector finds, once it is there: the first, or the last that reads so."""

    until(lambda: _is_pressed(page, selector, text), f"{selector} {text}")


def _is_pressed(page: Chrome, selector: str, text: str) -> bool:
    """False, too, when the page has replaced the button between these three steps."""
    from selenium.common.exceptions import StaleElementReferenceException

    button: WebElement | None = page.execute_script(WANTED, selector, text)
    if button is None:
        return False
    try:
        page.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
    except StaleElementReferenceException:
        return False
    return True


def id_of(page: Chrome, selector: str) -> str:
    """The data-id of the last such element."""
    return str(page.execute_script("return [...document.querySelectorAll(arguments[0])].at(-1).dataset.id", selector))


OWN_WORDS = "I slept from"  # what the bot tells of its own accord when a test has turned the clock


def answers(page: Chrome) -> list[str]:
    """The bot's messages in this chat, but for its own words."""
    script = "return [...document.querySelectorAll('.message:not(.mine)')].map(each => each.innerText)"
    found: list[str] = page.execute_script(script)
    return [each for each in found if not each.startswith(OWN_WORDS)]


COUNTED = (
    "const own = arguments[0], all = () => [...document.querySelectorAll('.message:not(.mine)')]"
    ".filter(each => !each.textContent.startsWith(own));"
)
"""The bot's messages: without a layout of the page, as they are counted again and again."""
MORE = (
    "const n_before = arguments[1], done = arguments[2];"
    "const look = () => all().length > n_before ? done(true) : setTimeout(look, 50); look()"
)
"""The page itself waits for one more: each question to the browser costs three processes some milliseconds."""


def n_answers(page: Chrome) -> int:
    return int(page.execute_script(f"{COUNTED} return all().length", OWN_WORDS))


def answered(page: Chrome, do: Callable[[], object]) -> str:
    """The message that comes after something was done."""
    n_before = n_answers(page)
    do()
    page.execute_async_script(COUNTED + MORE, OWN_WORDS, n_before)
    return str(page.execute_script(f"{COUNTED} return all().at(-1).innerText", OWN_WORDS))


def ask(page: Chrome, text: str) -> str:
    return answered(page, lambda: typed(page, text))


def typed(page: Chrome, text: str) -> None:
    line = page.find_element("id", "text")
    until(line.is_displayed, "the line to write in")
    line.click()
    page.execute_cdp_cmd("Input.insertText", {"text": text})  # at once: `test_keyboard_alone` goes key by key
    line.send_keys("\n")


CHOSEN = (
    "const list = document.getElementById(arguments[0]);"
    "const found = [...list.options].find(each => each.text === arguments[1]);"
    "if (!found) return false;"
    "list.value = found.value;"
    "list.dispatchEvent(new Event('change', {bubbles: true}));"
    "return true"
)


def choose(page: Chrome, element_id: str, text: str) -> None:
    assert page.execute_script(CHOSEN, element_id, text), f"no {text}"


@contextmanager
def the_world(page: Chrome) -> Iterator[None]:
    """What stands beside the chat; on a phone it is opened over it."""
    is_behind = page.find_element("id", "world-open").is_displayed()
    if is_behind:
        press(page, "#world-open")
    yield
    if is_behind:
        press(page, "#world-close")


def become(page: Chrome, name: str) -> None:
    """Changes who writes; begins their chat where Telegram shows START."""
    choose(page, "who", name)
    until(lambda: page.execute_script("return $('chat').dataset.of") == name, name)
    if page.find_element("id", "start").is_displayed():
        answered(page, lambda: press(page, "#start"))


def begin(browser: Chrome, url: str, size: tuple[int, int] = PHONE, who: str = "Owner") -> Chrome:
    """An open page with somebody's chat begun."""
    page = open_page(browser, url, size)
    become(page, who)
    return page


# With the real server.


@pytest.mark.parametrize(
    ("size", "who"),
    [
        pytest.param(PHONE, "Owner", id="phone"),
        pytest.param(DESKTOP, "Listed user", id="desktop", marks=pytest.mark.trial),
    ],
)
def test_start_screen(browser: Chrome, demo_url: str, size: tuple[int, int], who: str) -> None:
    page = open_page(browser, demo_url, size)
    choose(page, "who", who)
    until(lambda: page.execute_script("return $('chat').dataset.of") == who, who)
    assert "What can this bot do?" in text_of(page, ".intro")
    assert not page.find_element("id", "text").is_displayed()
    assert answered(page, lambda: press(page, "#start"))
    assert text_of(page, ".mine").startswith("/start")
    assert page.find_element("id", "text").is_displayed()
    assert not find(page, ".intro")


@both_sizes
def test_every_command_pressed(browser: Chrome, demo_url: str, size: tuple[int, int]) -> None:
    """The chips send (a few of them, on a phone); the first button under an answer edits it in its place."""
    page = begin(browser, demo_url, size)
    chips = page.execute_script("return [...document.querySelectorAll('#chips button')].map(each => each.innerText)")
    assert [chip.split()[0] for chip in chips] == [f"/{each['command']}" for each in bot.menu()]
    for chip in chips[::6] if size == PHONE else chips:
        answered(page, lambda chip=chip: press(page, "#chips button", chip))  # type: ignore[misc]
    n_before = n_answers(page)
    message_id = id_of(page, ".message:not(.mine):has(.keys)")
    press(page, f'[data-id="{message_id}"] .keys button')
    until(lambda: not find(page, ".spins"), "the end of the spinner")
    assert n_answers(page) == n_before


@pytest.mark.trial
def test_refresh_edits_in_place(browser: Chrome, demo_url: str) -> None:
    page = begin(browser, demo_url)
    ask(page, "/price BTC")
    message_id = id_of(page, ".message:not(.mine)")
    time.sleep(2.1)  # until the answer is no longer kept
    press(page, f'[data-id="{message_id}"] .keys button')
    until(lambda: "edited" in text_of(page, f'[data-id="{message_id}"] .time'), "the edit")


@both_sizes
def test_chart_is_shown_and_redrawn_in_place(browser: Chrome, demo_url: str, size: tuple[int, int]) -> None:
    page = begin(browser, demo_url, size)
    ask(page, "/chart BTC 1h")
    last = ".message:last-child img"
    until(lambda: page.execute_script("return document.querySelector(arguments[0])?.naturalWidth > 500", last), "it")
    first = page.execute_script("return document.querySelector(arguments[0]).src", last)
    press(page, ".message:last-child .keys button", "4h")
    until(lambda: page.execute_script("return document.querySelector(arguments[0])?.src", last) != first, "the other")
    assert "4h" in text_of(page, ".message:last-child .bubble")


@both_sizes
def test_stranger_is_refused(browser: Chrome, demo_url: str, size: tuple[int, int]) -> None:
    page = begin(browser, demo_url, size, who="Stranger")
    said = ask(page, "/price BTC")
    assert "BTC-USDT" not in said
    assert str(demo.keys.USER_ID + 900) in said, "a refused user is told the id to list"


def test_listed_user_is_answered(browser: Chrome, demo_url: str) -> None:
    page = begin(browser, demo_url, who="Listed user")
    assert "BTC" in ask(page, "/price BTC")


@both_sizes
def test_group_hears_commands_only(browser: Chrome, demo_url: str, size: tuple[int, int]) -> None:
    page = begin(browser, demo_url, size, who="Group")
    n_before = n_answers(page)
    typed(page, "hello all")
    assert "BTC" in ask(page, "/price BTC")
    assert n_answers(page) == n_before + 1
    assert "Balance  $" not in ask(page, "/balance")


def test_topic_is_answered_in_the_topic(browser: Chrome, demo_url: str) -> None:
    page = begin(browser, demo_url, who="Topic")
    assert "ETH" in ask(page, "/price ETH")


@both_sizes
def test_weather_in_words(browser: Chrome, demo_url: str, size: tuple[int, int]) -> None:
    """A preset, what the bot says in it, the circuit that rests then, and its end."""
    page = begin(browser, demo_url, size)
    with the_world(page):
        press(page, "#presets button", "Binance blocks your country")
        press(page, "#forget")
        until(lambda: page.execute_script("return $('rests').textContent.includes('no exchange')"), "no rest")
    assert "Binance" not in ask(page, "/price BTC").split("·")[-2]
    with the_world(page):
        until(lambda: "Binance rests" in page.find_element("id", "rests").text, "the resting circuit")
        press(page, "#presets button", "All fine")
        press(page, "#forget")
        until(lambda: "no exchange" in page.find_element("id", "rests").text, "the forgotten circuit")
    assert "Binance" in ask(page, "/price BTC")


@both_sizes
def test_crash_is_replayed_at_three_times_its_speed(browser: Chrome, demo_url: str, size: tuple[int, int]) -> None:
    page = begin(browser, demo_url, size)
    with the_world(page):
        choose(page, "scenario", "A crash, and the exchanges under load")
        choose(page, "replay-speed", "3x")
        press(page, "#replay")
        until(lambda: page.find_element("id", "replay").text == "Replay again", "the crash")
        assert "A flash crash" in until(lambda: pressed_preset(page), "what the weather is")
        press(page, "#presets button", "All fine")
        until(lambda: page.find_element("id", "replay").text == "Replay", "its end")


def pressed_preset(page: Chrome) -> str:
    return text_of(page, "#presets [aria-pressed=true]")


def test_clock_is_turned(browser: Chrome, demo_url: str) -> None:
    page = begin(browser, demo_url, DESKTOP)
    before = page.execute_script("return worldNow()")
    press(page, "[data-jump='3600']")
    until(lambda: page.execute_script("return worldNow()") > before + 3000, "the hour")
    press(page, "#speeds button", "1 s = 1 min")
    until(lambda: text_of(page, "#speeds [aria-pressed=true]") == "1 s = 1 min", "the speed")
    ask(page, "/price BTC")
    at = int(page.execute_script("return [...document.querySelectorAll('time[data-unix]')].pop().dataset.unix"))
    assert abs(page.execute_script("return worldNow()") - at) < 600, "the bot's clock is the world's"
    press(page, "#speeds button", "1 s = 1 s")


@pytest.mark.trial
@both_sizes
def test_alert_by_buttons_only_until_it_is_deleted(browser: Chrome, demo_url: str, size: tuple[int, int]) -> None:
    """Set under a price, rung as the world's minutes pass, put off, deleted."""
    page = begin(browser, demo_url, size)
    keys_shown = ".message .keys button"
    ask(page, "/price BTC")
    assert "Choose how far" in answered(page, lambda: press(page, keys_shown, "🔔 Alert"))
    press(page, keys_shown, "every 4h")
    until(lambda: "BTC price every 4h" in answers(page)[-1], "the alert")
    n_before = n_answers(page)
    with the_world(page):
        press(page, "#speeds button", "1 s = 1 min")
        press(page, "[data-jump='86400']")
    rung = until(lambda: [each for each in answers(page)[n_before:] if "⏰" in each], "what rang", 60)[0]
    assert re.search(r"⏰ BTC [\d,.]+", rung), rung
    with the_world(page):
        press(page, "#speeds button", "1 s = 1 s")
    if folder := os.environ.get("SCREENSHOTS"):
        browser.save_screenshot(str(Path(folder).resolve() / "alert_rung.png"))
    message_id = page.execute_script(LAST_RUNG)
    keys = f'[data-id="{message_id}"] .keys button'
    for button, said in (("🔁 In 1h", "at most every 1h"), ("✖", "Deleted: BTC price every 4h")):
        press(page, keys, button)
        until(lambda said=said: [each for each in answers(page)[n_before:] if said in each], said)  # type: ignore[misc]
    ask(page, "/alerts")
    until(lambda: "every 4h" not in answers(page)[-1], "a list without it")


LAST_RUNG = (
    "return [...document.querySelectorAll('.message')].filter(e => e.innerText.includes('⏰')).at(-1).dataset.id"
)


def test_wire_beside_the_phone(browser: Chrome, demo_url: str) -> None:
    """The update, the call and the log lines of the last question."""
    page = begin(browser, demo_url, DESKTOP)
    ask(page, "/price SOL")
    press(page, "#wire summary")
    shown = until(lambda: text_of(page, "#wire details[open]"), "the wire")
    for word in ('"text": "/price SOL"', '"method": "sendMessage"', "answered in", "200"):
        assert word in shown, shown


@pytest.mark.trial
@both_sizes
def test_every_command_typed(browser: Chrome, demo_url: str, size: tuple[int, int]) -> None:
    """Each third on a phone. Last, as every page that is opened after it shows all that was said."""
    page = begin(browser, demo_url, size)
    wrong = r"do not know|not understood(?! +\d)|went wrong|takes too long"  # /status counts what was not understood
    for name in [*bot.COMMANDS][:: 3 if size == PHONE else 1]:
        said = ask(page, f"/{name}" if name in ALONE else f"/{name} BTC")
        assert len(said) > 40, said
        assert not re.search(wrong, said), said
    assert "PEPE" in answered(page, lambda: typed(page, "/price pepe"))
    wide = "return [...document.querySelectorAll('pre')].filter(each => each.scrollWidth > each.clientWidth + 1).length"
    assert page.execute_script(wide) == 0, "a table is wider than the phone"
    higher = "return document.documentElement.scrollHeight - innerHeight + document.body.scrollHeight - innerHeight"
    assert page.execute_script(higher) == 0, "only the chat scrolls"


# With a bot that shows more.


def test_picture_comes_and_is_replaced(browser: Chrome, show_url: str) -> None:
    page = begin(browser, show_url)
    ask(page, "/picture")
    (picture,) = find(page, ".message img")
    until(lambda: page.execute_script("return arguments[0].naturalWidth", picture) == 640, "the picture")
    assert picture.get_attribute("alt") == "Picture: 15m"
    first = picture.get_attribute("src")
    press(page, ".keys button", "1h")
    source = "return [...document.querySelectorAll('.message img')].map(each => each.src).join()"
    until(lambda: page.execute_script(source) != first, "the other picture")
    assert len(find(page, ".message img")) == 1


def test_text_as_telegram_shows_it(browser: Chrome, show_url: str) -> None:
    page = begin(browser, show_url)
    assert "as of November 14, 2023" in ask(page, "/price")
    quote = find(page, ".message blockquote")[-1]
    assert quote.find_element("css selector", ".inside").size["height"] < 80
    fold = quote.find_element("css selector", ".fold")
    fold.send_keys("\n")
    assert fold.get_attribute("aria-expanded") == "true"
    assert quote.find_element("css selector", ".inside").size["height"] > 150


def test_thirty_five_columns_on_a_phone(browser: Chrome, show_url: str) -> None:
    page = begin(browser, show_url)
    ask(page, "/price")
    height = "const pre = [...document.querySelectorAll('.bubble pre')].at(-1); return pre.clientHeight"
    of_35 = page.execute_script(height)
    longer = "const pre = [...document.querySelectorAll('.bubble pre')].at(-1); pre.append('x'.repeat(arguments[0]))"
    page.execute_script(longer, 2)
    assert page.execute_script(height) > of_35, "a line of 37 is wrapped"


def test_buttons_of_all_kinds(browser: Chrome, show_url: str) -> None:
    page = begin(browser, show_url)
    ask(page, "/price")
    keys = find(page, ".message:last-child .keys > *")
    assert keys[0].get_attribute("aria-label") == "Refresh"
    assert keys[-1].get_attribute("href") == "https://core.telegram.org/"
    keys[3].click()
    until(lambda: "you said yes" in page.find_element("id", "toast").text, "the toast")
    assert not find(page, ".spins")
    keys[1].click()
    until(lambda: "58,000" in page.find_element("id", "toast").text, "the word that it is copied")
    keys[4].click()
    assert page.find_element("id", "text").get_attribute("value") == "@DemoMarketBot eth"


@both_sizes
def test_inline_query_by_keyboard(browser: Chrome, show_url: str, size: tuple[int, int]) -> None:
    page = begin(browser, show_url, size)
    field = page.find_element("id", "text")
    field.send_keys("@DemoMarketBot btc")
    until(lambda: len(find(page, "#suggest li")) == 2, "the results")
    field.send_keys("\ue015\ue015\n")  # twice down, and Enter
    until(lambda: "via @DemoMarketBot" in text_of(page, ".mine"), "the message")
    assert "funding of btc" in text_of(page, ".mine")
    assert field.get_attribute("value") == ""


def test_inline_query_in_another_chat_by_a_button(browser: Chrome, show_url: str) -> None:
    page = begin(browser, show_url)
    ask(page, "/price")
    press(page, ".message:last-child .keys button", "ask there")
    until(lambda: page.execute_script("return $('chat').dataset.of") == "Elsewhere", "the other chat")
    press(page, "#suggest li")
    until(lambda: "price of sol" in text_of(page, ".mine"), "the message")


def test_guest_where_the_bot_is_not(browser: Chrome, show_url: str) -> None:
    page = begin(browser, show_url, who="Elsewhere")
    typed(page, "nobody hears this")
    assert "for a guest: what is @DemoMarketBot ETH" in ask(page, "what is @DemoMarketBot ETH")


def test_keyboard_alone(browser: Chrome, show_url: str) -> None:
    """Commands by their first letters and arrows, lines by Shift, what was sent by ↑."""
    page = begin(browser, show_url)
    field = page.find_element("id", "text")
    field.send_keys("/pi\ue015")
    assert field.get_attribute("aria-activedescendant") == "option-0"
    answered(page, lambda: field.send_keys("\n"))
    assert "/picture" in text_of(page, ".mine")
    field.send_keys("one\ue008\n\ue000two")
    assert field.get_attribute("value") == "one\ntwo"
    answered(page, lambda: field.send_keys("\n"))
    field.send_keys("\ue013")
    assert field.get_attribute("value") == "one\ntwo"
    field.send_keys("\ue015")
    assert field.get_attribute("value") == ""


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_serious_for_axe(browser: Chrome, show_url: str, size: tuple[int, int], colours: str) -> None:
    if not AXE.is_file():
        pytest.skip("no axe-core: npm install --prefix .ci, or its path in AXE_CORE")
    page = open_page(browser, show_url, size, colours)
    page.execute_script(AXE.read_text())
    assert findings(page) == []
    become(page, "Owner")
    ask(page, "/price")
    ask(page, "/picture")
    page.find_element("id", "text").send_keys("/")
    assert findings(page) == []
    if size == PHONE:
        press(page, "#world-open")
    page.execute_script("$('by-exchange').open = true")
    assert findings(page) == []


def findings(page: Chrome) -> list[str]:
    """What axe-core calls serious or critical, with the elements."""
    script = "const done = arguments[0]; axe.run().then(done, error => done({violations: [String(error)]}))"
    found = page.execute_async_script(script)["violations"]
    assert all(isinstance(each, dict) for each in found), found
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    said = [(each["id"], node["html"][:150], node["failureSummary"]) for each in serious for node in each["nodes"]]
    return [" ".join(each) for each in said]
