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
        known = "|".join(re.escape(secret) for secret in sorted(secrets, key=len, reverse=True))
        self._secret = re.compile(r"\b\d{5,}:[A-Za-z0-9_-]{8,}" + (f"|{known}" if known else ""))

    def format(self, record: logging.LogRecord) -> str:
        work = working_on.get()
        text = super().format(record)
        if work:
            head, separator, rest = text.partition(f"{record.name}: ")
            text = f"{head}{separator}[{work}] {rest}"
        return self._secret.sub("[secret]", text)
