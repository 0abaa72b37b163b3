"""What the bot can say, to whom, and in how much time.

`Bot.answer` takes one update and gives back at most one Bot API call, which the door it came
in by hands out: the webhook inside its HTTP response, polling by sending it. What is kept between
updates is each user's count of commands here, answers of exchanges in asking/, and what people set in store/.

`python bot.py` polls: the same answers without a webhook.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import settings
from answers.asked import CHARTS_OF_ACCOUNTS, Asker, Tools
from answers.command import Command
from answers.pictures import Pictures
from answers.typed import Meant, meant
from asking.fetch import Fetcher
from clock import MACHINE, PROCESS, Clock
from exchanges import table
from health import Health, keep_watchdog_quiet, let_watchdog_sleep, open_small_door
from http1 import NO_FILES
from http1.client import Transport
from log import set_up_log, working_on
from market import Market
from metrics import Metrics, Process
from queries import Queries
from render.figures import format_span
from render.keyboards import try_again
from render.message import Answer
from settings import Settings, SettingsError
from telegram.api import TelegramAPI, TelegramError
from telegram.introduction import Introduction, Menu, introduce_or_warn, introduction_of
from telegram.limiter import Limiter, Told
from telegram.replies import Call, is_unchanged, reply, short_reply, unknown
from telegram.sign import SPINNER_S, Sign, end_spinner
from telegram.standing import Standing
from telegram.updates import Question, read_move, read_query, read_question, read_standing
from telegram.webhook import look_after_webhook, watch
from upkeep import keep_tidy
from watchman.duty import Duty

if TYPE_CHECKING:
    from accounts import Accounts

log = logging.getLogger("bot")
WENT_WRONG = "Something went wrong here, and it is noted."
NO_ROOM = "Too much is open here just now. Please try again in a minute."
COMMAND_S = 8.0  # from update to answer; the market ends at 7
NAME_S = 0.9  # with the market's 7 s still within 8
NAME_AGAIN_S = 30.0
LOOK_AGAIN_S = 5.0  # at Telegram's clock, while questions seem old
STALE_S = 900.0  # an older market question is not answered any more
USAGE = """\
python bot.py [--delete-webhook]
python bot.py webhook set|info|delete [--drop-pending]

Answers by long polling: no public address is needed. Settings come from the environment (docs/settings.md).
  --delete-webhook   first remove the webhook that is set; updates that wait are kept

  webhook set        register WEBHOOK_URL with Telegram, and look whether it took
  webhook info       what Telegram says of the webhook, and what that means; exit code 1 when something is wrong
  webhook delete     remove it, so that polling may begin; updates that wait are kept
  --drop-pending     with delete: throw them away
"""
ARGUMENTS: tuple[list[str], ...] = (
    [],
    ["--delete-webhook"],
    ["webhook", "set"],
    ["webhook", "info"],
    ["webhook", "delete"],
    ["webhook", "delete", "--drop-pending"],
)


COMMANDS: dict[str, Command] = {
    "price": Command("price", "SYMBOL …", "spot and perpetual side by side", "One market"),
    "analysis": Command("analysis", "SYMBOL [15m] [spot]", "everything about one market", "One market"),
    "volume": Command("volume", "SYMBOL [15m] [spot]", "last candle's volume against normal", "One market"),
    "cvd": Command("cvd", "SYMBOL [1h] [spot]", "what takers bought and sold", "One market"),
    "chart": Command(
        "chart",
        "SYMBOL [1h] [spot]",
        "a picture: candles, volume, OI, CVD",
        "One market",
        account_words=CHARTS_OF_ACCOUNTS,
    ),
    "profile": Command("profile", "[SYMBOL] [today|24h|7d|30d]", "volume and time by price", "One market"),
    "ls": Command("ls", "SYMBOL", "longs and shorts, top traders", "One market"),
    "oi": Command("oi", "[SYMBOL]", "open interest on all exchanges", "All exchanges"),
    "funding": Command("funding", "[SYMBOL|top]", "funding on all exchanges, or extremes", "All exchanges"),
    "liq": Command("liq", "[SYMBOL] [1h|4h|24h]", "liquidations, longs and shorts", "All exchanges"),
    "spread": Command("spread", "SYMBOL [spot|perp]", "one coin's price everywhere, the widest gap", "All exchanges"),
    "top10": Command(
        "top10", "[spot|perps] [volume|gainers|losers|funding|oi]", "the first ten markets", "All markets"
    ),
    "volscan": Command("volscan", "[200] [15m]", "volume spikes of the liquid perpetuals", "All markets"),
    "alert": Command("alert", "SYMBOL [> 70000|-3% 15m]", "tells you when it happens", "Alerts"),
    "alerts": Command("alerts", "", "what is set here", "Alerts"),
    "watch": Command("watchlist", "[SYMBOL …|remove SYMBOL]", "your own list of coins", "Alerts"),
    "settings": Command("chat_settings", "[quiet 23:00-07:00]", "defaults, quiet hours, digest", "Alerts"),
    "balance": Command("balance", "[EXCHANGE]", "what your accounts hold", "Your accounts", is_account=True),
    "positions": Command("positions", "[EXCHANGE]", "your open positions", "Your accounts", is_account=True),
    "pnl": Command("pnl", "[EXCHANGE]", "your profit and loss", "Your accounts", is_account=True),
    "status": Command("status", "", "how the bot itself does", is_status=True),
    "help": Command("help", "", "all commands"),
    "start": Command("start", "", "what this is"),
}
"""Everything the bot does; /help, the menu and the README's table are made of it."""


class Bot:
    """Answers updates."""

    def __init__(
        self,
        settings: Settings,
        market: Market,
        accounts: Callable[[], Accounts],
        api: TelegramAPI | None = None,
        clock: Clock = MACHINE,
        metrics: Metrics | None = None,
    ) -> None:
        self.settings, self.market, self.accounts, self.api = settings, market, accounts, api
        self.clock, self.monotonic = clock
        self._ask_name_after = 0.0
        self._look_after, self._looking = -math.inf, asyncio.Lock()  # at Telegram's clock
        self.username = ""  # ours, lower case; "" until Telegram has said it
        self.limiter = Limiter(settings.commands_per_minute)
        self._late = Told(STALE_S)
        self.metrics = metrics or Metrics()
        self.queries = Queries(settings, market, self.metrics, clock)
        self.standing = Standing()  # with Telegram
        self.process = Process(self.monotonic(), self.standing)
        self.tools = Tools(
            market, accounts, settings, self.clock, self.metrics, self.process, Pictures(clock), COMMANDS
        )
        self.n_stale = 0
        self.duty = None if api is None else Duty(self.tools, api, clock)

    async def answer(self, update: Mapping[str, Any]) -> Call | None:
        """The one call that answers an update; None when there is nothing to say.

        Never raises but when cancelled, and takes at most COMMAND_S.
        """
        until = self.monotonic() + COMMAND_S
        query = read_query(update)
        if query is not None:
            return await self.queries.answer(query)
        if (standing := read_standing(update)) is not None and self.duty is not None:
            await self.duty.standing_changed(*standing)
            return None
        if (move := read_move(update)) is not None and self.duty is not None:
            await self.duty.chat_moved(*move)
            return None
        question = read_question(update, self._telegrams_time())
        if question is None or self._is_silent(question) or not await self._is_for_us(question):
            self.metrics.updates.add("not for us")
            return None
        if question.age_s > STALE_S:
            await self._look_at_the_clock()
            question = read_question(update, self._telegrams_time()) or question
        token = working_on.set(f"update {question.update_id} /{question.name[:32]}")
        try:
            return await self._answer(question, until)
        finally:
            working_on.reset(token)

    async def _answer(self, question: Question, until: float) -> Call | None:
        """until: when it has to be there, on the monotonic clock."""
        meaning = self._meaning(question)
        command = COMMANDS.get(meaning.name)
        if question.age_s > STALE_S:
            return self._too_late(question)
        wait_s = self.limiter.count(question.asker_id, self.clock())
        if wait_s:
            self.metrics.updates.add("too many")
            limit = f"{self.settings.commands_per_minute} a minute is the limit."
            return self._short_reply(question, f"{limit} Next one in {math.ceil(wait_s)} s.")
        if not self._may_ask(question):
            self.metrics.updates.add("refused")
            return self._refuse(question)
        if command is None:
            self.metrics.updates.add("unknown")
            answer = unknown(question, meaning.guess)
            if question.is_button:
                return self._short_reply(question, answer.text)
            return reply(question, answer, is_demo=self.settings.is_demo)
        command = command.concerning(meaning.words)
        if command.is_private and (refusal := self._private_refusal(command, question)):
            self.metrics.updates.add("refused")
            return self._short_reply(question, refusal)
        until -= SPINNER_S if question.is_button else 0.0
        answer = await self._run(command, meaning, question, until)
        is_rich = await self._is_rich(question)
        addresses = self.queries.addresses
        if question.inline_id and meaning.name == "chart" and addresses is not None:
            answer = answer._replace(picture_url=addresses.of(meaning.words, self.clock()))
        call = reply(
            question, answer, is_demo=self.settings.is_demo, is_rich=is_rich, has_addresses=addresses is not None
        )
        if is_unchanged(question, call):
            return self._short_reply(question, "Unchanged.")
        await end_spinner(self.api, question)
        return call

    async def _is_rich(self, question: Question) -> bool:
        """Whether the chat wishes true tables; of a message that was sent by way of us, the chat is not known."""
        if self.duty is None or question.inline_id:
            return False
        return (await self.duty.wishes(question.chat_id)).is_rich

    def _meaning(self, question: Question) -> Meant:
        """A button's data is meant to the letter."""
        if question.is_button:
            return Meant(question.name, question.words)
        is_heard = question.name not in COMMANDS and (question.is_private or question.addressee)
        known = self.market.known_bases() if is_heard else ()
        return meant(question.name, question.words, COMMANDS, known)

    def _too_late(self, question: Question) -> Call | None:
        """Figures of now would be no answer to a question of then: each chat is told so once, however many waited."""
        self.n_stale += 1
        self.metrics.updates.add("too old")
        log.info("not answered any more: it is %.0f s old", question.age_s)
        if not self._may_ask(question) or self._late.is_told(question.chat_id, self.clock()):
            return None
        text = f"Your question is {format_span(question.age_s)} old: it reached me only now. Please ask again."
        return self._short_reply(question, text)

    async def _run(self, command: Command, meaning: Meant, question: Question, until: float) -> Answer:
        """The command's answer; a sentence when it takes too long or fails."""
        began, outcome = self.monotonic(), "answered"
        sign = Sign(self.api, question)
        try:
            async with asyncio.timeout_at(until):
                words = meaning.words
                if self.duty is not None and not question.inline_id:  # elsewhere, no chat's wishes are known
                    words = await self.duty.filled(meaning, question.chat_id)
                answer = await command.run(await self._tools_for(question), meaning.name, words)
        except TimeoutError:
            log.error("no answer within %.0f s", COMMAND_S)
            outcome = "too slow"
            answer = Answer("This takes too long just now.", keyboard=try_again(meaning.line))
        except Exception as error:
            is_full = isinstance(error, OSError) and error.errno in NO_FILES
            log.error("the command failed: %s", error, exc_info=not is_full)
            outcome = "failed"
            answer = Answer(NO_ROOM if is_full else WENT_WRONG, keyboard=try_again(meaning.line))
        finally:
            await sign.end()
        took_s = self.monotonic() - began
        self.metrics.updates.add(answer.outcome if outcome == "answered" else outcome)
        self.metrics.commands.observe(took_s, meaning.name)
        log.info("answered in %.0f ms", took_s * 1000)
        return answer

    @property
    def alerts(self) -> dict[str, Any] | None:
        """How the alerts do; None where nothing is remembered."""
        return None if self.duty is None else self.duty.told()

    @property
    def trouble(self) -> str:
        """Why alerts do not ring, a sentence; "" while nothing is known against it."""
        return "" if self.duty is None else self.duty.trouble

    async def tick(self) -> dict[str, object]:
        """Does what is due (duty.py); what it was, for who keeps the time outside."""
        return {"ticked": False} if self.duty is None else (await self.duty.tick()).told

    async def _tools_for(self, question: Question) -> Tools:
        """The tools in the hands of who asks."""
        is_ours = not question.is_button and question.name not in ("", "start")  # whose words a link may have brought
        asker = Asker(
            question.chat_id,
            question.thread_id,
            question.asker_id,
            question.update_id or None,
            question.is_private,
            self._is_listed(question),
            question.typed if is_ours else "",
            question.is_the_group,
        )
        if self.duty is None:
            return self.tools._replace(asker=asker)
        if not question.inline_id:  # of a chat that we know
            await self.duty.heard(question.chat_id, is_start=question.name == "start")
        return self.duty.lent(self.tools, asker)

    def _is_silent(self, question: Question) -> bool:
        """A group hears nothing of unknown commands and of strangers; a private chat and a button are answered."""
        if question.is_private or question.is_button:
            return False
        meaning = self._meaning(question)
        is_addressed = bool(question.addressee) and bool(meaning.guess)
        return not (meaning.name in COMMANDS or is_addressed) or not self._may_ask(question)

    async def _is_for_us(self, question: Question) -> bool:
        """Whether /command@Name names us. A name is only compared once we know our own."""
        name = question.addressee
        if not name:
            return True
        if not self.username:
            await self.learn_username()
        return not self.username or name == self.username

    def _telegrams_time(self) -> float:
        """Now by Telegram's clock, which dated the updates; ours may be wrong, and /health says so then."""
        return self.clock() - ((self.api.clock_off_s if self.api is not None else None) or 0.0)

    async def _look_at_the_clock(self) -> None:
        """Has Telegram's clock compared once more, as ours may have been set since; all wait for one look."""
        async with self._looking:
            if self.api is None or self.monotonic() < self._look_after:
                return
            self._look_after = self.monotonic() + LOOK_AGAIN_S
            with suppress(TelegramError):
                await self.api.call("getMe", timeout_s=NAME_S)

    async def learn_username(self) -> None:
        """Asks Telegram for our name, which /command@Name is compared with; when it fails, not again for a while."""
        if self.api is None or self.monotonic() < self._ask_name_after:
            return
        self._ask_name_after = self.monotonic() + NAME_AGAIN_S
        with suppress(TelegramError):
            me = await self.api.call("getMe", timeout_s=NAME_S)
            self.username = str(me.get("username", "")).lower() if isinstance(me, dict) else ""

    def _may_ask(self, question: Question) -> bool:
        return self.settings.may_ask(question.chat_id, question.user_id)

    def _is_listed(self, question: Question) -> bool:
        """Whether the user is listed by id; "*" opens nothing of this kind."""
        return question.user_id is not None and question.user_id in self.settings.allowed_ids

    def _private_refusal(self, command: Command, question: Question) -> str:
        """Why this user may not ask that here; "" for a user who may."""
        if question.inline_id:
            return "Ask me in private: here it is everybody's business."
        if not self._is_listed(question):
            of_what = "accounts" if command.is_account else "this"
            return f"Only users who are listed by their own id may ask of {of_what}."
        if not command.is_account:
            return ""
        if not question.is_private and not self.settings.accounts_in_groups:
            return "Ask me in private: what your accounts hold is nobody else's business."
        return ""

    def _refuse(self, question: Question) -> Call | None:
        """Tells a private chat how to be let in."""
        log.info("user %s in chat %s may not ask", question.user_id, question.chat_id)
        if question.is_button:
            return self._short_reply(question, "This bot does not know you.")
        return self._short_reply(
            question,
            f"This bot answers only those whom its owner has listed. Your id is <code>{question.user_id}</code>; "
            "the owner can add it to TELEGRAM_CHAT_ID.",
        )

    def _short_reply(self, question: Question, text: str) -> Call | None:
        return short_reply(question, text, is_demo=self.settings.is_demo)


def menu(*, is_listed: bool = True) -> Menu:
    """The commands as setMyCommands takes them; without those that people who are not listed are refused."""
    return [
        {"command": name, "description": command.summary}
        for name, command in COMMANDS.items()
        if is_listed or not command.is_private
    ]


def introduction(settings: Settings) -> Introduction:
    """What people see before they ask."""
    return introduction_of(settings, menu(is_listed=False), menu())


def build(settings: Settings, transport: Transport, clock: Clock = MACHINE) -> Bot:
    """A bot on a transport, as settings say."""
    metrics = Metrics()
    metrics.watch("bot_connections_total", "Connections by what became of them.", "outcome", transport.counts.figures)
    fetcher = Fetcher(transport, settings.urls, keep_budgets=settings.keep_budgets, clock=clock, metrics=metrics)
    api = TelegramAPI(settings.token, transport, settings.telegram_url) if settings.token else None
    market = Market(fetcher, settings.exchanges, settings.cache_s, clock)

    @cache
    def accounts() -> Accounts:
        from accounts import Accounts  # no first question but of the few who have keys of accounts

        return Accounts(fetcher, market, settings.keys, clock)

    return Bot(settings, market, accounts, api, clock, metrics)


async def poll(settings: Settings, *, delete_webhook: bool) -> int:
    """Polls until SIGINT or SIGTERM; the process's exit code."""
    from telegram.polling import Poller, clear_webhook, why_ended  # a webhook's server has no use for it

    transport = Transport(ca_file=settings.ca_file, clock=PROCESS.monotonic)
    bot = build(settings, transport, PROCESS)
    assert bot.api is not None
    stopped = asyncio.Event()

    def begin_stop() -> None:
        stopped.set()
        if bot.duty is not None:
            bot.duty.begin_stop()  # at once: a kill comes 15 s after the signal, and answers take most of it

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, begin_stop)
    health = Health(bot, settings, "polling")
    server = await open_small_door(health)
    tasks = (keep_watchdog_quiet(bot.metrics), keep_tidy(transport.sweep, bot.market.sweep))
    background = [asyncio.ensure_future(each) for each in tasks]
    try:
        if not await clear_webhook(bot.api, delete_webhook, stopped, bot.standing):
            return 0 if stopped.is_set() else 1
        await bot.learn_username()
        log.info("polling as @%s, %s", bot.username or "?", settings.build_line)
        bot.standing.learn({"url": ""}, "", bot.clock())
        background.append(asyncio.ensure_future(introduce_or_warn(bot.api, introduction(settings))))
        background.append(asyncio.ensure_future(watch(bot.api, bot.standing, "", bot.clock)))
        keeping = asyncio.ensure_future(bot.duty.keep()) if bot.duty is not None else None
        poller = Poller(bot.answer, bot.api, settings.max_connections, standing=bot.standing, counted=health.polled)
        try:
            await poller.run(stopped)
        finally:
            if bot.duty is not None and keeping is not None:
                await bot.duty.stop()
                await keeping
        return 0
    except TelegramError as error:
        log.error("%s", why_ended(error))
        return 1
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        if server is not None:
            await server.close(0)
        await transport.aclose()
        let_watchdog_sleep()


def warn_of_nobody(settings: Settings) -> None:
    if not settings.allowed_ids and not settings.is_open:
        log.warning("TELEGRAM_CHAT_ID is empty, so nobody may ask. A refused user is told the id to put there.")


def main(arguments: list[str]) -> int:
    if arguments not in ARGUMENTS:
        print(USAGE, end="")
        return 0 if arguments in (["--help"], ["-h"]) else 2
    try:
        chosen = settings.load(os.environ, table.EXCHANGES)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if not chosen.token:
        print("TELEGRAM_BOT_TOKEN is not set: put there the token that @BotFather gave you.", file=sys.stderr)
        return 2
    set_up_log(chosen)
    if arguments[:1] == ["webhook"]:
        is_dropping = "--drop-pending" in arguments
        how = introduction(chosen)
        return asyncio.run(look_after_webhook(chosen, arguments[1], how, drop_pending=is_dropping))
    warn_of_nobody(chosen)
    return asyncio.run(poll(chosen, delete_webhook=bool(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
