"""Rich tables: what they are made of, what Telegram takes, and what becomes of one that it does not take."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import ADA, House, pressed, together, updated
from test_alert import T0, a_watching_house, tick

from answers.quiet import load_wishes
from demo.telegram_rich import parse_rich, rich_of
from demo.telegram_rules import Refused
from demo.web import Asked, Handler, Reply
from render.message import Answer, folded, labelled, pairs, pre
from render.rich import MAX_COLUMNS, rich_html
from telegram.beside import in_answer
from telegram.polling import Poller
from telegram.rich import as_html, as_rich
from telegram.updates import read_question

TABLE = pre([["", "last", "24h%"], ["BTC", "58,030", "-2.04"]])
ANSWER = Answer("<b>BTC &amp; ETH</b>\nnow", (TABLE, folded(["a < b", "c"])), ("A note.",), "<i>Binance</i>")
OF_ADA = {"chat_id": ADA}


def cells(html: str) -> list[list[str]]:
    """The texts of the first table."""
    table = next(each for each in parse_rich(html).blocks if each["type"] == "table")
    return [[cell.get("text", "") for cell in row] for row in table["cells"]]


def test_parts_of_an_answer_as_blocks() -> None:
    assert rich_html(ANSWER, "<b>SIMULATED</b>") == (
        "<p><b>BTC &amp; ETH</b><br>now</p>"
        '<table bordered striped><tr><th></th><th align="right">last</th><th align="right">24h%</th></tr>'
        '<tr><td>BTC</td><td align="right">58,030</td><td align="right">-2.04</td></tr></table>'
        "<details><summary>More</summary><p>a &lt; b<br>c</p></details>"
        "<p>A note.</p><footer>Binance · <b>SIMULATED</b></footer>"
    )


def test_telegram_takes_it_as_blocks() -> None:
    read = parse_rich(rich_html(ANSWER))
    assert [each["type"] for each in read.blocks] == ["paragraph", "table", "details", "paragraph", "footer"]
    assert read.blocks[1]["cells"][1][1] == {"text": "58,030", "align": "right", "valign": "middle"}
    assert read.blocks[2] == {
        "type": "details",
        "summary": "More",
        "blocks": [{"type": "paragraph", "text": ["a < b", "\n", "c"]}],
    }


def test_labels_and_figures_are_two_columns() -> None:
    html = rich_html(Answer("x", (labelled([("24h", ["+1%", "up"]), ("", ["7d"])]), pairs([("up", "3d")]))))
    assert cells(html) == [["24h", "+1% · up"], ["", "7d"]]


def test_labels_that_a_phone_has_no_room_for_are_whole() -> None:
    long = pre([["", "figure"], ["Hyperliquid " * 3, "1" * 20]])
    assert cells(rich_html(Answer("x", (long,))))[1][0] == ("Hyperliquid " * 3).strip()


@together(
    "answer",
    [
        Answer("a sentence"),
        Answer("x", (TABLE,), photo=b"png"),
        Answer("x", (pre([["1"] * (MAX_COLUMNS + 1)]),)),
        Answer("x", (pre([["1", "2"]] * 500),)),
        Answer("x" * 33_000, (TABLE,)),
    ],
    ids=["no table", "a picture", "columns", "rows", "long"],
)
def test_what_is_no_rich_message(answer: Answer) -> None:
    assert rich_html(answer) == ""


@together(
    "html, code",
    [
        ("", "CONTENT_REQUIRED"),
        ("<p> </p>", "CONTENT_REQUIRED"),
        ("<p>" + "x" * 32_769 + "</p>", "TEXT_TOO_LONG"),
        ("<p>x</p>" * 501, "BLOCKS_TOO_MANY"),
        ("<table><tr>" + "<td>x</td>" * 21 + "</tr></table>", "TABLE_COLS_TOO_MANY"),
        ("<p>" + "<b>" * 16 + "x" + "</b>" * 16 + "</p>", "DEPTH_INVALID"),
        ("<p>1 < 2</p>", "HTML_INVALID"),
        ("<p>x", "HTML_INVALID"),
        ("<p>x</b></p>", "HTML_INVALID"),
        ("<div>x</div>", "HTML_INVALID"),
        ("x", "HTML_INVALID"),
        ("<table><tr><td><p>x</p></td></tr></table>", "HTML_INVALID"),
        ("<table>x</table>", "HTML_INVALID"),
        ("<details><p>x</p></details>", "HTML_INVALID"),
        ('<p><tg-time unix="soon" format="T">x</tg-time></p>', "HTML_INVALID"),
    ],
)
def test_what_telegram_refuses(html: str, code: str) -> None:
    with pytest.raises(Refused, match=f"RICH_MESSAGE_{code}"):
        rich_of({"rich_message": {"html": html}})


def test_exactly_one_form_of_content() -> None:
    for rich in ({}, {"html": "<p>x</p>", "markdown": "x"}):
        with pytest.raises(Refused, match="CONTENT_REQUIRED"):
            rich_of({"rich_message": rich})


def test_line_breaks_are_spaces_but_for_br_and_in_drawings() -> None:
    assert parse_rich("<p>a\n b<br>c</p><pre>d\n e</pre>").text == "a b\nc\nd\n e"


def test_two_forms_of_a_call() -> None:
    call = {"chat_id": 1, "text": "x", "parse_mode": "HTML", "link_preview_options": {}, "rich_message": {"html": "y"}}
    assert as_rich("sendMessage", call) == ("sendRichMessage", {"chat_id": 1, "rich_message": {"html": "y"}})
    assert as_html(call) == {"chat_id": 1, "text": "x", "parse_mode": "HTML", "link_preview_options": {}}
    assert as_rich("sendMessage", as_html(call)) is None


# In a chat that wishes them.


def sent(house: House) -> list[tuple[str, dict[str, Any]]]:
    """The calls that were made, but for signs of work."""
    calls = house.world.telegram.calls
    return [call for call in calls if call[0] not in ("sendChatAction", "answerCallbackQuery", "setWebhook")]


async def delivered(house: House, update: dict[str, Any]) -> dict[str, Any] | None:
    """What the webhook's answer holds: the call, or nothing."""
    call = await house.bot.answer(update)
    return call and await in_answer(house.bot.api, call)


async def a_rich_message(house: House, text: str) -> Any:
    """The message that answers."""
    await house.ask("/settings rich on")
    assert await delivered(house, updated(text, update_id=2)) is None
    return list(house.world.telegram.messages.values())[-1]


async def test_every_table_in_a_chat_that_wishes_so(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/settings rich on")
        lines = (
            "price BTC, price BTC ETH, oi BTC, funding BTC, funding top, liq BTC, spread BTC, ls BTC, top10, volscan"
        )
        lines += ", analysis BTC, volume BTC, cvd BTC, profile BTC, status, settings, balance, positions, pnl"
        for number, line in enumerate(lines.split(", "), 10):
            assert await delivered(house, updated(f"/{line}", update_id=number)) is None, line
        methods = [method for method, _ in sent(house)]
        assert methods == ["sendRichMessage"] * 19
        kinds = [{each["type"] for each in message.blocks} for message in house.world.telegram.messages.values()]
        assert all("table" in each for each in kinds[-19:])


async def test_others_go_on_as_html(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/settings rich on")
        other = await delivered(house, updated("/price BTC", chat_id=2002, user_id=2002))
        sentence = await delivered(house, updated("/price", update_id=2))
        assert [call and call["method"] for call in (other, sentence)] == ["sendMessage", "sendMessage"]
        assert sent(house) == []


async def test_a_button_edits_in_place_and_says_unchanged(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        message = await a_rich_message(house, "/price BTC")
        for number, (data, is_edited) in enumerate((("price BTC", False), ("oi BTC", True)), 5):
            telegram_says = house.world.telegram.result_of(message)
            callback = pressed(data, number)["callback_query"] | {"message": telegram_says}
            call = await delivered(house, {"update_id": number, "callback_query": callback})
            assert (call and call["text"]) == (None if is_edited else "Unchanged.")
        assert message.text.startswith("BTC OI $")
        assert message.blocks


async def test_rich_off_again_edits_into_html(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        message = await a_rich_message(house, "/price BTC")
        await house.ask("/settings rich off", update_id=3)
        callback = pressed("price BTC", 4)["callback_query"] | {"message": house.world.telegram.result_of(message)}
        call = await delivered(house, {"update_id": 4, "callback_query": callback})
        assert call is not None
        assert (call["method"], call["text"][:7]) == ("editMessageText", "<b>BTC ")


async def test_at_each_door(tmp_path: Path) -> None:
    """The webhook, whose answer is empty then; and polling."""
    async with a_watching_house(tmp_path) as house:
        await house.ask("/settings rich on")
        headers = {"x-telegram-bot-api-secret-token": house.settings.webhook_secret}
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            answer = await client.post(f"{house.url}/webhook", json=updated("/oi BTC", update_id=2), headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert house.bot.api is not None
        poller = Poller(house.bot.answer, house.bot.api, 1)
        poller.take_in([updated("/oi BTC", update_id=3)])
        await poller.finish()
        assert [method for method, _ in sent(house)] == ["sendRichMessage"] * 2


async def test_a_refused_one_goes_out_as_html_and_the_setting_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/settings rich on")
        house.world.telegram.fail_next = [Refused(400, "Bad Request: RICH_MESSAGE_HTML_INVALID")]
        with caplog.at_level(logging.WARNING, "bot"):
            assert await delivered(house, updated("/price BTC", update_id=2)) is None
        assert [method for method, _ in sent(house)] == ["sendRichMessage", "sendMessage"]
        assert [each.getMessage() for each in caplog.records] == [
            "sendRichMessage: 400 Bad Request: RICH_MESSAGE_HTML_INVALID; the same goes out as HTML"
        ]
        assert house.bot.duty is not None
        assert (await house.bot.duty.wishes(ADA)).is_rich


async def test_a_server_of_telegrams_before_rich_messages(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/settings rich on")
        house.world.telegram.fail_next = [Refused(404, "Not Found")]
        assert await delivered(house, updated("/oi BTC", update_id=2)) is None
        assert "BTC OI" in sent(house)[-1][1]["text"]


async def test_where_telegram_is_busy_the_answer_travels_as_html(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/settings rich on")
        house.world.telegram.fail_next = [Refused(429, "Too Many Requests: retry after 3", retry_after=3)]
        call = await delivered(house, updated("/oi BTC", update_id=2))
        assert call is not None
        assert call["method"] == "sendMessage"
        assert "rich_message" not in call


async def test_where_only_a_proxy_answers_it_travels_as_html(tmp_path: Path) -> None:
    """A 502 of nginx's tells that nobody was reached behind it: the answer is not out yet."""
    async with a_watching_house(tmp_path) as house:
        await house.ask("/settings rich on")

        async def nginx(asked: Asked, whole: Handler) -> Reply:
            is_rich = asked.path.endswith("/sendRichMessage")
            return Reply(502, b"<html>502 Bad Gateway</html>", "text/html") if is_rich else await whole(asked)

        house.world.telegram_site.intercept(nginx)
        call = await delivered(house, updated("/oi BTC", update_id=2))
        assert call is not None
        assert call["method"] == "sendMessage"


async def test_a_digest_is_rich_too(tmp_path: Path) -> None:
    async with a_watching_house(tmp_path) as house:
        await house.ask("/settings rich on")
        at = int(T0 // 60 + 1) % 1440
        await house.ask(f"/settings digest {at // 60:02}:{at % 60:02}", update_id=2)
        await tick(house, 70)
        assert [method for method, _ in sent(house)] == ["sendRichMessage"]
        assert parse_rich(sent(house)[0][1]["rich_message"]["html"]).text.startswith("Digest\n")


def test_wishes_of_before_are_still_read() -> None:
    assert not load_wishes('{"quiet_from": -1, "has_charts": true}').is_rich


@together("rich", [5, {}, {"blocks": 5}, {"blocks": [{"text": {"text": [[]]}}, None]}])
def test_malformed_rich_message_under_a_button(rich: object) -> None:
    update = pressed("price BTC")
    update["callback_query"]["message"]["rich_message"] = rich
    question = read_question(update, 0)
    assert question is not None
    assert question.name == "price"


def test_deeply_nested_rich_message_is_read_no_deeper() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    update = pressed("price BTC")
    update["callback_query"]["message"]["rich_message"] = {"blocks": deep}
    assert read_question(update, 0) is not None
