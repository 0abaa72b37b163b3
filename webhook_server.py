"""The process: `python webhook_server.py [--demo]` serves Telegram's webhook, and AWS Lambda calls `handle_webhook`.

This file is short, as Python compiles what it is started with anew each time, and what that imports only once: with
the server and its door in it, that was a twenty-fifth of a start.
"""

from __future__ import annotations

import gc
import sys
from typing import Any


def handle_webhook(event: object, context: object) -> dict[str, Any]:
    """AWS Lambda's handler, `webhook_server.handle_webhook`. Raises SettingsError when the environment is wrong."""
    return function().answer(event)


if __name__ == "__main__":
    gc.disable()  # until it serves: what is imported stays, and to look for garbage in it was a fifteenth of the start
    from serving import main

    sys.exit(main(sys.argv[1:]))
else:
    from aws_lambda import function
