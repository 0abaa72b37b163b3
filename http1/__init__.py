"""HTTP/1.1 in both directions: `server` takes requests from strangers, `client` sends ours to others.

Nothing in here knows of Telegram or exchanges.
"""

MAX_HEAD = 16 * 1024  # bytes, in either direction; Telegram's heads are under 500
