"""`python -m demo [PORT [CERTIFICATE]]`: the offline world by itself; PORT is the chat page's.

With CERTIFICATE, a PEM file that holds its key too, the exchanges speak HTTPS.
"""

import asyncio
import sys
from contextlib import suppress

from demo import run_alone

arguments = sys.argv[1:] or ["0"]
if len(arguments) > 2 or not arguments[0].isdecimal() or int(arguments[0]) > 65535:
    sys.exit("usage: python -m demo [PORT [CERTIFICATE]]")
with suppress(KeyboardInterrupt):
    asyncio.run(run_alone(int(arguments[0]), *arguments[1:]))
