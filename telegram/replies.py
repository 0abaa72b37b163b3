"""A question and its answer become one Bot API call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from render.figures import escape
from render.keyboards import in_json, keyboard, that_fit
from render.message import Answer, Article, Button
from render.rich import rich_html
from telegram.multipart import File
from telegram.rich import rich_message
from telegram.updates import Query, Question

MAX_RESULTS = 50  # of an inline query
KEPT = ("chat_id", "reply_markup", "message_thread_id", "reply_parameters")  # of a picture, by its text alone
MARK = "<b>SIMULATED</b>"
AT_HOME = frozenset({"alert", "alerts", "watch", "settings", "balance", "positions", "pnl", "status"})
"""Commands that are for a chat with the bot, as they are nobody else's. Pictures are uploaded there only, too."""
Call = dict[str, Any]
"""A Bot API call: its parameters, and its name under "method". A picture is a File among them.

A text may have a "rich_message" beside it, see rich.py: only what TelegramAPI sends may."""


def unknown(question: Question, guess: str) -> Answer:
    """What to do next, for a text that is no command of ours. guess: a command line that may be meant."""
    if question.is_button:
        return Answer("This button is out of date. Please send the command again.")
    is_coin = not question.name and guess.split()[1:] == list(question.words)  # one that is not known to be listed
    if guess and not is_coin:
        typed = f"/{question.name}" if question.name else question.words[0]
        known = f"/{guess.partition(' ')[0]}"
        return Answer(
            escape(f"{typed[:24]}? I know {known}."), keyboard=keyboard(that_fit([Button(f"/{guess}", guess)]))
        )
    if question.name:
        return Answer("I do not know that command.", keyboard=((Button("All commands", "help"),),))
    coin = that_fit([Button(f"/{guess}", guess)]) if guess else ()
    rows = keyboard((Button("BTC", "price BTC"), Button("Help", "help"), *coin))
    return Answer("Type a coin, such as BTC, or /help.", keyboard=rows)


def _marked(text: str) -> str:
    """With SIMULATED on the last line, which is the foot; on a line of its own only below a table."""
    gap = "\n" if text.endswith(("</pre>", "</blockquote>")) else " " if text[-1:] in ".?!" else " ·\u00a0"
    return f"{text}{gap}{MARK}"


def plain_text(text: str) -> str:
    """Our own HTML without its tags."""
    text = re.sub(r"<[^<>]*>", "", text)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def short_reply(question: Question, text: str, *, is_demo: bool) -> Call | None:
    """A sentence without buttons: a message, or for a pressed button a note over the chat. "" says nothing."""
    if not question.is_button:
        return reply(question, Answer(text), is_demo=is_demo) if text else None
    call: Call = {"method": "answerCallbackQuery", "callback_query_id": question.callback_id}
    if text:
        call["text"] = f"SIMULATED. {text}" if is_demo else text
    return call


def reply(
    question: Question, answer: Answer, *, is_demo: bool, is_rich: bool = False, has_addresses: bool = False
) -> Call:
    """The call that shows an answer: a new message, or the message under which the button was.

    is_rich: in both forms, where it has a table. has_addresses: of pictures, where none can be uploaded. A button's
    command line may ask for a new message. A text becomes a picture in place, a picture another one; but never a text
    again, so that one is a new message.
    """
    text = answer.text if answer.photo is None else answer.caption
    text = _marked(text) if is_demo else text
    is_edit = question.is_button and question.message_id is not None and not question.is_apart
    is_edit = is_edit and (answer.photo is not None or not question.has_photo)
    if question.inline_id:
        return _inline_edit(question, answer, text, has_addresses=has_addresses)
    call: Call = {"method": "", "chat_id": question.chat_id}
    if answer.photo is None:
        call |= _html(text)
        call["method"] = "editMessageText" if is_edit else "sendMessage"
    else:
        call |= _picture(text, File("chart.png", "image/png", answer.photo), is_edit=is_edit)
    html = rich_html(answer, MARK if is_demo else "") if is_rich else ""
    call |= {"rich_message": rich_message(html)} if html else {}
    call |= _markup(answer)
    if is_edit:
        call["message_id"] = question.message_id
        return call
    if question.thread_id is not None:
        call["message_thread_id"] = question.thread_id
    if not question.is_private and question.message_id is not None:
        call["reply_parameters"] = {"message_id": question.message_id, "allow_sending_without_reply": True}
    return call


def is_unchanged(question: Question, call: Call) -> bool:
    """Whether an edit would change nothing, which Telegram would refuse: the same words and the same buttons."""
    if call["method"] != "editMessageText" or question.shown is None or call.get("reply_markup") != question.markup:
        return False
    if question.is_rich != ("rich_message" in call):
        return False
    if question.is_rich:
        return _squeezed(plain_text(call["rich_message"]["html"])) == _squeezed(question.shown)
    return plain_text(call["text"]).strip() == question.shown.strip()


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _inline_edit(question: Question, answer: Answer, text: str, *, has_addresses: bool) -> Call:
    """Edits a message that was sent by way of us: there a picture cannot be uploaded, but fetched from its address."""
    if answer.photo is not None and not answer.picture_url:
        text = f"{text}\nThe picture itself is for a chat with me."
    call: Call = {"method": "editMessageText", "inline_message_id": question.inline_id}
    return call | _html(text, url=answer.picture_url) | _markup(for_any_chat(answer, has_addresses=has_addresses))


def _is_for_home(button: Button, *, has_addresses: bool) -> bool:
    """Accounts, what is set for a chat, pictures that must be uploaded; and what a message of its own answers: "+"."""
    command = button.data.partition(" ")[0]
    return command in AT_HOME or command.startswith("+") or (command == "chart" and not has_addresses)


def for_any_chat(answer: Answer, *, has_addresses: bool = False) -> Answer:
    """Without the buttons that need a chat with the bot: alerts, accounts, and pictures where they have no address."""
    rows = (
        tuple(each for each in row if not _is_for_home(each, has_addresses=has_addresses)) for row in answer.keyboard
    )
    return answer._replace(keyboard=keyboard(*rows), photo=None)


def _html(text: str, name: str = "text", url: str = "") -> Call:
    """url: of a picture that Telegram fetches and shows large above the text, though no link to it stands there."""
    shown = {"url": url, "prefer_large_media": True, "show_above_text": True} if url else {"is_disabled": True}
    return {name: text, "parse_mode": "HTML", "link_preview_options": shown}


def _markup(answer: Answer) -> Call:
    if not answer.keyboard:
        return {}
    rows = [[in_json(each) for each in row] for row in answer.keyboard]
    return {"reply_markup": {"inline_keyboard": rows}}


def offer(
    query: Query,
    articles: Sequence[Article],
    cache_s: int,
    *,
    is_personal: bool,
    is_demo: bool,
    has_addresses: bool = False,
) -> Call:
    """What may be chosen: all of it for an inline query, the first for a guest, who does not choose."""
    shown = articles[:MAX_RESULTS]
    results = [_result(str(n), each, is_demo=is_demo, has_addresses=has_addresses) for n, each in enumerate(shown)]
    if query.is_guest:
        return {"method": "answerGuestQuery", "guest_query_id": query.query_id, "result": results[0]}
    call: Call = {"method": "answerInlineQuery", "inline_query_id": query.query_id, "results": results}
    return call | {"cache_time": cache_s, "is_personal": is_personal}


def offer_nothing(query: Query, cache_s: int, way_in: str = "") -> Call:
    """An empty list. way_in: words over it that lead to a chat with us."""
    call = offer(query._replace(is_guest=False), [], cache_s, is_personal=True, is_demo=False)
    return call | {"button": {"text": way_in, "start_parameter": "inline"}} if way_in else call


def _result(result_id: str, article: Article, *, is_demo: bool, has_addresses: bool) -> Call:
    """An article, also for a picture: a photo has to be a JPEG, and its thumbnail is fetched at every letter typed."""
    answer = for_any_chat(article.answer, has_addresses=has_addresses)
    text = _marked(answer.text) if is_demo else answer.text
    result: Call = {"type": "article", "id": result_id, "title": article.title, "description": article.description}
    return result | {"input_message_content": _html(text, "message_text", answer.picture_url)} | _markup(answer)


def _picture(caption: str, file: File, *, is_edit: bool) -> Call:
    if not is_edit:
        return {"method": "sendPhoto", "photo": file, "caption": caption, "parse_mode": "HTML"}
    media = {"type": "photo", "media": "attach://photo", "caption": caption, "parse_mode": "HTML"}
    return {"method": "editMessageMedia", "media": media, "photo": file}


def without_picture(call: Call) -> Call:
    """The text that a picture would have had under it, as a message of its own: for a picture that is refused."""
    media = call.get("media") or call
    kept = {name: value for name, value in call.items() if name in KEPT}
    text = f"{media['caption']}\nTelegram did not take the picture."
    return {"method": "sendMessage", "text": text, "parse_mode": "HTML", **kept}


def is_about_the_picture(description: str) -> bool:
    """ "PHOTO_INVALID_DIMENSIONS", "not enough rights to send photos to the chat", or its caption's HTML."""
    words = ("photo", "media", "image", "file", "can't parse entities")
    return any(word in description.lower() for word in words)
