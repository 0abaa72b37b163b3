"""The log, which never shows a secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from contextvars import ContextVar

from settings import Settings

working_on: ContextVar[str] = ContextVar("working_on", default="")
"""The update and command at work; log lines written meanwhile begin with it."""
_END_OF_TOKEN = re.compile(":[A-Za-z0-9_-]{8}")


def set_up_log(settings: Settings) -> None:
    """One line per event on standard error, without secrets."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(settings.secrets))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole URLs at INFO
    logging.getLogger("asyncio").setLevel(logging.WARNING)


class _Redacting(logging.Formatter):
    """Time, level, module, what is at work, message; tokens and secrets are blotted out of all of it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._known = sorted(secrets, key=len, reverse=True)
        known = "|".join(map(re.escape, self._known))
        self._secret = r"\b\d{5,}:[A-Za-z0-9_-]{8,}" + (f"|{known}" if known else "")  # compiled when there is need

    def format(self, record: logging.LogRecord) -> str:
        work = working_on.get()
        text = super().format(record)
        if work:
            head, separator, rest = text.partition(f"{record.name}: ")
            text = f"{head}{separator}[{work}] {rest}"
        # Nearly every line has none, and that is seen in a tenth of the time that the whole pattern takes.
        may_have = _END_OF_TOKEN.search(text) or any(secret in text for secret in self._known)
        return re.sub(self._secret, "[secret]", text) if may_have else text
