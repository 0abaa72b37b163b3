"""The process that serves Telegram's webhook, from its start to its end; with --demo, against the offline world."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import bot
import settings
from bot import Bot
from clock import PROCESS, Clock
from door import Door
from exchanges import table
from health import keep_watchdog_quiet, let_watchdog_sleep, of_hosts
from http1.client import Transport
from http1.server import Server
from log import set_up_log
from settings import Settings, SettingsError
from telegram.webhook import introduce
from upkeep import keep_tidy

log = logging.getLogger("webhook_server")
GRACE_S = 10.0  # for open requests at the end
COLLECT_AFTER = 5_000  # new containers; at Python's 700 the rows of one answer set the collector off
GREET_S = 5.0  # that the greeting of the demo waits for the webhook
USAGE = """\
python webhook_server.py [--demo]

Serves the bot's webhook. Settings come from the environment (docs/settings.md).
  --demo   against an offline market and an offline Telegram, with a chat page; needs no network and no token
"""


async def serve(settings: Settings, began: Callable[[Bot], None] | None = None, clock: Clock = PROCESS) -> int:
    """Serves until SIGTERM or SIGINT; the process's exit code. began: is called once requests are taken.

    The demo is for this machine only, and listens on loopback.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    transport = Transport(ca_file=settings.ca_file, clock=clock.monotonic)
    the_bot = bot.build(settings, transport, clock)
    door = Door(the_bot, settings)
    server = Server()
    try:
        host = "127.0.0.1" if settings.is_demo else None
        (port, *_) = await server.start(partial(door.serve, server), host, settings.port)
    except OSError as error:
        why = error.strerror or str(error)
        log.error("PORT %d cannot be listened on, choose another one: %s", settings.port, why)
        return 1
    log.info("serving on port %d, %s", port, settings.build_line)
    the_bot.metrics.watch(
        "bot_clients_gone_total", "Clients that left before their answer.", "", lambda: {"": server.n_gone}
    )
    tasks = (
        keep_watchdog_quiet(the_bot.metrics),
        keep_tidy(transport.sweep, the_bot.market.sweep),
        introduce(the_bot, settings, bot.introduction(settings)),
    )
    background = [asyncio.ensure_future(each) for each in tasks]
    keeping = [asyncio.ensure_future(the_bot.duty.keep())] if the_bot.duty is not None else []
    gc.freeze()  # all that the start has made: the collector counts, and looks, from here on
    gc.set_threshold(COLLECT_AFTER)
    gc.enable()
    if began is not None:
        began(the_bot)
    await stopped.wait()
    log.info("stopping: %d connections are open", server.n_connections)
    if the_bot.duty is not None:
        the_bot.duty.begin_stop()
    for task in background:
        task.cancel()
    await server.close(GRACE_S)
    if the_bot.duty is not None:
        await the_bot.duty.stop()
    await asyncio.gather(*background, *keeping, return_exceptions=True)
    await transport.aclose()
    let_watchdog_sleep()
    return 0


async def serve_demo(settings_of_demo: Settings) -> int:
    """Serves against the offline world, which starts in this process, on loopback, and ends with it.

    The chat page's port is the one after PORT, or any other when that is taken.
    """
    try:
        import demo
    except ImportError:  # the image has only what serves
        log.error("--demo needs the folder demo/, which is not here: run it from a checkout.")
        return 1

    world = await demo.start((settings_of_demo.port + 1) % 65536)
    environ = {
        "COMMANDS_PER_MINUTE": demo.keys.COMMANDS_PER_MINUTE,
        **os.environ,
        **world.environ,
        "TELEGRAM_CHAT_ID": world.chat_ids,
        "WEBHOOK_URL": f"http://127.0.0.1:{settings_of_demo.port}",
    }
    chosen = settings.load(environ, table.EXCHANGES, is_demo=True)
    greetings: list[asyncio.Future[None]] = []

    def began(the_bot: Bot) -> None:
        world.weather.hooks = demo.Hooks(partial(of_hosts, the_bot.market), the_bot.market.forget)
        greetings.append(asyncio.ensure_future(_greet(the_bot, world.page_url)))

    try:
        return await serve(chosen, began, PROCESS._replace(now=world.clock))
    finally:
        for greeting in greetings:
            greeting.cancel()
        await asyncio.gather(*greetings, return_exceptions=True)
        await world.close()


async def _greet(the_bot: Bot, page_url: str) -> None:
    """Says where the chat is: last, after what the log has of the start, and on a line of its own."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GREET_S):
            while the_bot.process.webhook_state != "registered":  # noqa: ASYNC110 - it is so within milliseconds
                await asyncio.sleep(0.02)
    print(f"The offline chat is open, all its figures are SIMULATED; Ctrl-C ends it:\n{page_url}", flush=True)


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--demo"]):
        print(USAGE, end="")
        return 0 if arguments in (["--help"], ["-h"]) else 2
    is_demo = bool(arguments)
    try:
        chosen = settings.load(os.environ, table.EXCHANGES, is_demo=is_demo)
        if is_demo and not chosen.port:
            raise SettingsError("PORT should not be 0 with --demo, as the offline Telegram has to know it.")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if is_demo:
        set_up_log(chosen)
        return asyncio.run(serve_demo(chosen))
    if not chosen.token:
        print(
            "TELEGRAM_BOT_TOKEN is not set: put there the token that @BotFather gave you, "
            "or try the bot offline with --demo.",
            file=sys.stderr,
        )
        return 2
    set_up_log(chosen)
    bot.warn_of_nobody(chosen)
    return asyncio.run(serve(chosen))
