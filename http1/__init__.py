"""HTTP/1.1 in both directions: `server` takes requests from strangers, `client` sends ours to others.

Nothing in here knows of Telegram or exchanges.
"""

import errno

MAX_HEAD = 16 * 1024  # bytes, in either direction; Telegram's heads are under 500
NO_FILES = frozenset((errno.EMFILE, errno.ENFILE))  # no file descriptor is left, of this process or of the system
