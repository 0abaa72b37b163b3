"""What the process tells of itself, at whichever door it stands: /health, /metrics, and the watchdog.

The webhook's server and the poller have the same: `Health` counts what is in work and knows what is wrong,
`health_response` and `metrics_response` put it into words, `small_door` is the poller's own small door.
"""

from __future__ import annotations

import asyncio
import faulthandler
import hmac
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import orjson

import metrics
from asking.circuits import HostHealth
from http1.server import HTTPError, Request, Response, Server
from metrics import Family, Info, Metrics, Process
from render.sentences import said
from settings import Settings
from telegram.api import CLOCK_OFF_S, TelegramAPI
from telegram.standing import Standing

log = logging.getLogger("health")
HUNG_S = 30  # an event loop that does not come round for so long is ended, and the machine restarts it
STUCK_S = 20.0  # no update takes longer than 8 s; one that does means the intake is stuck
LAG_EVERY_S = 1.0  # how often the event loop is timed
PROXIED = ("fly-client-ip", "x-forwarded-for")  # a request that came through the public proxy has one of these
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Asked(Protocol):
    """The market, as far as it tells how it does."""

    @property
    def cache_use(self) -> tuple[int, int]: ...

    def health(self) -> dict[str, HostHealth]: ...


class Watched(Protocol):
    """The bot, as far as it tells how it does."""

    @property
    def api(self) -> TelegramAPI | None: ...
    @property
    def market(self) -> Asked: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def standing(self) -> Standing: ...
    @property
    def process(self) -> Process: ...
    @property
    def clock(self) -> Callable[[], float]: ...
    @property
    def monotonic(self) -> Callable[[], float]: ...
    @property
    def n_stale(self) -> int: ...
    @property
    def alerts(self) -> dict[str, Any] | None: ...
    @property
    def trouble(self) -> str: ...


class Health:
    """Counts what is in work and what was refused. mode: webhook, polling, lambda or demo."""

    def __init__(self, bot: Watched, settings: Settings, mode: str) -> None:
        self.bot, self.settings, self.mode = bot, settings, mode
        self.refused: dict[int, int] = {}  # requests by status
        self._in_work: dict[object, float] = {}  # since when, monotonic; inf: of what may last
        self._last_update = 0.0  # monotonic; 0: none yet

    @property
    def n_in_work(self) -> int:
        return len(self._in_work)

    @contextmanager
    def working(self, *, on_update: bool = True, may_last: bool = False) -> Iterator[None]:
        """Counts an update, or a question of the JSON API, while it is in work; may_last: which is not stuck, then."""
        ticket, now = object(), self.bot.monotonic()
        self._in_work[ticket] = math.inf if may_last else now
        if on_update:
            self._last_update = now
        try:
            yield
        finally:
            del self._in_work[ticket]

    def place(self, *, on_update: bool = True) -> AbstractContextManager[None]:
        """The same, with a bound. Raises HTTPError 503 when there is too much in work."""
        if self.n_in_work >= self.settings.max_connections:
            raise HTTPError(503, "too many updates are in work", [("retry-after", "1")])
        return self.working(on_update=on_update)

    def polled(self, is_sent: bool) -> AbstractContextManager[None]:
        """Counts a poller's update while it is answered; and while that is sent, which waits for Telegram."""
        return self.working(on_update=not is_sent, may_last=is_sent)

    def verdict(self) -> tuple[str, str | None]:
        """("ok", None), or "degraded" or "stuck" with the reason. Stuck is what a restart or another machine helps."""
        oldest_s = max((self.bot.monotonic() - since for since in self._in_work.values()), default=0.0)
        if oldest_s > STUCK_S:
            return "stuck", f"an update has been in work for {oldest_s:.0f} s"
        standing = self.bot.standing
        of_telegram = standing.trouble or standing.hitch or standing.unsent
        reason = of_telegram or self._of_the_clock() or self.bot.trouble or self._of_the_exchanges()
        return ("degraded", reason) if reason else ("ok", None)

    def _of_the_clock(self) -> str:
        """What is wrong with this machine's clock, beside Telegram's; a sentence or ""."""
        off_s = self.bot.api.clock_off_s if self.bot.api is not None else None
        if off_s is None or abs(off_s) <= CLOCK_OFF_S:
            return ""
        way = "ahead of" if off_s > 0 else "behind"
        return f"This machine's clock is {abs(off_s):.0f} s {way} Telegram's: set it right."

    def _of_the_exchanges(self) -> str:
        """A sentence when not one of those that were asked answers."""
        hosts = {name: of for name, of in self.bot.market.health().items() if name != "COINGECKO"}
        if not hosts or any(of.state == "ok" for of in hosts.values()):
            return ""
        reasons = dict.fromkeys(said(of.last_failure) for of in hosts.values() if of.last_failure is not None)
        return f"No exchange answers: {'; '.join(reasons)}."

    def told(self) -> dict[str, Any]:
        """The fields of /health."""
        status, reason = self.verdict()
        bot, now, now_s = self.bot, self.bot.monotonic(), self.bot.clock()
        return {
            "status": status,
            "reason": reason,
            "mode": self.mode,
            **{name: value or None for name, value in self.settings.build.items()},
            "bot_id": int(self.settings.token.partition(":")[0]) if self.settings.token else None,
            "uptime_s": round(now - bot.process.began, 1),
            "rss_mib": round(metrics.resident_bytes() / 1048576, 1),
            "updates_in_work": self.n_in_work,
            "last_update_s_ago": round(now - self._last_update, 1) if self._last_update else None,
            "webhook": bot.standing.state,
            "telegram": _of_telegram(bot.standing, bot.api, now_s),
            "requests_refused": {str(status): count for status, count in self.refused.items()},
            "updates_too_old": bot.n_stale,
            "alerts": bot.alerts,
            "exchanges": of_hosts(bot.market),
        }

    def _started_at(self) -> float:
        """Seconds since 1970."""
        return self.bot.clock() - (self.bot.monotonic() - self.bot.process.began)

    def families(self) -> list[Family]:
        """What /metrics tells beside what is counted all the time."""
        bot, standing = self.bot, self.bot.standing
        hits, misses = bot.market.cache_use
        circuits = {name: float(of.state == "resting") for name, of in bot.market.health().items()}
        refused = {str(status): float(count) for status, count in self.refused.items()}
        told = {name: float(figure) for name, figure in (bot.alerts or {}).items() if figure is not None}
        ages = {name: figure for name, figure in told.items() if name.endswith(("_s_ago", "_s"))}
        alerts = {name: figure for name, figure in told.items() if name not in ages}
        return [
            Family("bot_alerts", "Alerts and their messages.", "state", alerts),
            Family("bot_alert_age_seconds", "Of the last tick, and of the oldest message that waits.", "of", ages),
            Family("bot_cache_questions_total", "Questions to the cache.", "outcome", {"hit": hits, "miss": misses}),
            Family("bot_requests_refused_total", "HTTP requests refused.", "status", refused),
            Family("bot_circuit_open", "Whether an endpoint is left alone for now.", "endpoint", circuits),
            Family("bot_updates_in_work", "Updates in work.", "", {"": self.n_in_work}),
            known("bot_registered", "Whether Telegram hands the updates to this process.", standing.is_ours),
            known("bot_updates_pending", "Updates that wait at Telegram.", standing.n_pending),
            known(
                "bot_delivery_last_error_timestamp_seconds",
                "When Telegram last failed to deliver an update, since 1970.",
                standing.last_error_at,
            ),
            known("process_start_time_seconds", "When it started, since 1970.", self._started_at()),
        ]


def known(name: str, help: str, figure: float | None) -> Family:
    """A gauge that has no figure while that is not known."""
    return Family(name, help, "", {} if figure is None else {"": float(figure)})


def _of_telegram(standing: Standing, api: TelegramAPI | None, now_s: float) -> dict[str, Any]:
    def ago(moment: float | None) -> float | None:
        return None if moment is None else round(now_s - moment, 1)

    off_s = api.clock_off_s if api is not None else None
    return {
        "is_ours": standing.is_ours,
        "pending_updates": standing.n_pending,
        "last_error": standing.last_error or None,
        "last_error_s_ago": ago(standing.last_error_at),
        "asked_s_ago": ago(standing.asked_at),
        "clock_off_s": None if off_s is None else round(off_s),
    }


def of_hosts(market: Asked) -> dict[str, dict[str, object]]:
    """By host, how its last requests went: fields of JSON."""
    return {
        name: {**of._asdict(), "last_failure": said(of.last_failure) if of.last_failure is not None else None}
        for name, of in market.health().items()
    }


# The doors' answers.


def health_response(health: Health) -> Response:
    """503 with the reason where it is stuck; all else is 200, "degraded" too.

    503 makes Fly send nothing here any more, which helps a process that is stuck, and nobody else.
    """
    told = health.told()
    return Response(503 if told["status"] == "stuck" else 200, orjson.dumps(told))


def metrics_response(health: Health, request: Request) -> Response:
    """Prometheus' text. On Fly its collector comes past the proxy and needs no key; all others do."""
    from_inside = health.settings.is_on_fly and not any(name in request.headers for name in PROXIED)
    if not from_inside:
        check_key(health.settings, request)
    build = Info("bot_build_info", "Which build this is.", health.settings.build)
    return Response(200, health.bot.metrics.exposition([build, *health.families()]), EXPOSITION)


def check_key(settings: Settings, request: Request) -> None:
    """Raises HTTPError: 404 where there is no key to know, 401 for a wrong one."""
    if not settings.api_key:
        if settings.is_demo:
            return
        raise HTTPError(404, "there is nothing here")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    is_right = hmac.compare_digest(given.strip().encode("latin-1"), settings.api_key.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise HTTPError(401, "the key is missing or wrong", [("www-authenticate", "Bearer")])


async def small_door(health: Health, request: Request) -> Response:
    """What a poller serves: /health and /metrics, to be looked at, and nothing else."""
    if request.path not in ("/health", "/metrics"):
        raise HTTPError(404, "there is nothing here")
    if request.method not in ("GET", "HEAD"):
        raise HTTPError(405, f"{request.path} takes GET and HEAD", [("allow", "GET, HEAD")])
    return health_response(health) if request.path == "/health" else metrics_response(health, request)


async def keep_watchdog_quiet(metrics: Metrics) -> None:
    """While the loop turns, the watchdog is wound up again; when it hangs, the process ends with its traceback.

    How late the loop comes round is noted on the way.
    """
    pause_s = min(LAG_EVERY_S, HUNG_S / 3)
    wound_up = -float(HUNG_S)
    while True:
        now = time.monotonic()
        if now - wound_up >= HUNG_S / 3:
            faulthandler.dump_traceback_later(HUNG_S, exit=True)
            wound_up = now
        await asyncio.sleep(pause_s)
        metrics.loop_lag_s = max(0.0, time.monotonic() - now - pause_s)


def let_watchdog_sleep() -> None:
    """At the end of a process that ends well."""
    faulthandler.cancel_dump_traceback_later()


async def open_small_door(health: Health) -> Server | None:
    """Serves /health and /metrics beside the polling; not with PORT=0. A port that is taken stops no polling."""
    if not health.settings.port:
        return None
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with server.connection(reader, writer) as connection:
            while (request := await connection.next_request()) is not None:
                await connection.answer(request, small_door(health, request))

    try:
        await server.start(serve, health.settings.poller_host, health.settings.port)
    except OSError as error:
        log.warning("PORT %d cannot be listened on, so there is no /health: %s", health.settings.port, error.strerror)
        return None
    return server
