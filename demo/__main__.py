"""`python -m demo [PORT]`: the offline world by itself; PORT is the chat page's."""

import asyncio
import sys
from contextlib import suppress

from demo import run_alone

with suppress(KeyboardInterrupt):
    asyncio.run(run_alone(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
