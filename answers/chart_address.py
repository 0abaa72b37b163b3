"""An address at which Telegram fetches a chart by itself, where none can be uploaded: inline, and as a guest.

    https://bot.example/chart.png?of=BTC+1h&until=1763907540&sig=0f3a…

of: what is typed after /chart, so view, symbols, interval and kind. until: seconds since 1970, by which it is over.
sig: HMAC-SHA256 over both, by a key that is made of the webhook's secret and serves nothing else. Each minute has an
address of its own, as Telegram keeps for days what it found at one. Whoever has an address gets that picture for a
quarter of an hour, and no other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from answers.asked import CHARTS_OF_ACCOUNTS, Misread
from exchanges.symbols import NotASymbol

PATH = "/chart.png"
LIFE_S = 900  # for Telegram to fetch it, after it was offered
STEP_S = 60
MAX_CLOCKS_S = 60  # by which two machines' clocks may differ
MAX_OF = 128  # characters


class Refused(Exception):
    """The address is not ours, or its time is over."""


class Addresses:
    """Signs, and looks whether it was us who signed. url: any of the server's own, as Telegram reaches it."""

    def __init__(self, url: str, secret: str) -> None:
        parts = urlsplit(url)
        self._base = f"{parts.scheme}://{parts.netloc}{PATH}"
        self._key = hmac.new(secret.encode(), b"addresses of charts", hashlib.sha256).digest()

    def of(self, words: Sequence[str], now_s: float) -> str:
        """For what is typed after /chart; "" where that is no picture for everybody."""
        of = " ".join(words)
        if len(of) > MAX_OF or not _is_for_everybody(words):
            return ""
        until = str((int(now_s) // STEP_S + 1) * STEP_S + LIFE_S)
        return f"{self._base}?{urlencode({'of': of, 'until': until, 'sig': self._sign(of, until)})}"

    def read(self, query: Mapping[str, str], now_s: float) -> list[str]:
        """The words that were signed, which is done for pictures for everybody only. Raises Refused."""
        of, until, sig = (query.get(name, "") for name in ("of", "until", "sig"))
        if not hmac.compare_digest(sig.encode("utf-8", "replace"), self._sign(of, until).encode()):
            raise Refused("the signature is missing or wrong")
        if set(query) != {"of", "until", "sig"} or not re.fullmatch(r"[0-9]{1,12}", until):
            raise Refused("the address is none of ours")
        if not now_s <= int(until) <= now_s + LIFE_S + STEP_S + MAX_CLOCKS_S:
            raise Refused("the address is no longer of use")
        return of.split()

    def _sign(self, of: str, until: str) -> str:
        told = urlencode({"of": of, "until": until}, errors="replace")  # no other pair is spelled the same
        return hmac.new(self._key, told.encode(), hashlib.sha256).hexdigest()


def _is_for_everybody(words: Sequence[str]) -> bool:
    """Whether there is such a picture, and it tells of no accounts."""
    from answers import chart  # with all its views, for those who have something drawn

    try:
        return chart.command(list(words)).view not in CHARTS_OF_ACCOUNTS
    except (Misread, NotASymbol):
        return False
