"""`python -m store copy FROM TO`: moves what the bot remembers from one database to another.

FROM and TO are written like DATABASE_URL: postgresql://user:password@host/name, sqlite:///data/bot.db, or a path.
Stop the bot first. FROM stays as it is, and has to be there.
"""

from __future__ import annotations

import asyncio
import sys

from store.connect import copy, open_store
from store.words import StoreError


async def copied(source_url: str, target_url: str) -> str:
    """What was copied, in a line."""
    source = await open_store(source_url, is_there=True)
    try:
        target = await open_store(target_url)
        try:
            rows = await copy(source, target)
        finally:
            await target.close()
    finally:
        await source.close()
    return ", ".join(f"{n} {table.removeprefix('bot_')}" for table, n in rows.items())


def main(words: list[str]) -> int:
    if len(words) != 3 or words[0] != "copy":
        print("python -m store copy FROM TO", file=sys.stderr)
        return 2
    try:
        print("copied:", asyncio.run(copied(words[1], words[2])))
    except StoreError as error:
        print(f"{error.sentence} ({error})", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
