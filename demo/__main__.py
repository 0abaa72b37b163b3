"""`python -m demo [PORT]`: the offline world by itself; PORT is the chat page's."""

import asyncio
import sys
from contextlib import suppress

from demo import run_alone

arguments = sys.argv[1:] or ["0"]
if len(arguments) > 1 or not arguments[0].isdecimal() or int(arguments[0]) > 65535:
    sys.exit("usage: python -m demo [PORT]")
with suppress(KeyboardInterrupt):
    asyncio.run(run_alone(int(arguments[0])))
