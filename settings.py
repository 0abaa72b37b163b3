"""The environment as one frozen record, checked at start."""

import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from exchanges.table import ACCOUNTS, HOSTS
from exchanges.words import Key

VERSION = "0.3.0"
TELEGRAM_API_URL = "https://api.telegram.org"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
MAX_CHAT_ID = 1 << 53  # Telegram's have at most 52 bits
WEBHOOK_PORTS = (443, 80, 88, 8443)  # Bot API: setWebhook
MIN_OF_KEY = 8  # characters; OKX allows no shorter passphrase, and a secret of "a" would blot every "a" of the log
UNTOLD = ("token", "webhook_secret", "api_key", "database_url")  # by a repr
DATA_DIR: str | os.PathLike[str] = os.path.join(os.path.dirname(os.path.realpath(__file__)), "data")


class SettingsError(Exception):
    """A variable has a value that cannot be meant. The text is one sentence that names it."""


class Settings(NamedTuple):
    """What the environment says. Secrets are left out of its repr."""

    token: str
    webhook_secret: str
    webhook_url: str  # with its path; "" when there is none
    allowed_ids: frozenset[int]  # users and chats
    owner_id: int | None  # the user who is listed first; None where only chats are
    is_open: bool  # TELEGRAM_CHAT_ID=*: everybody may ask of the market
    port: int
    log_level: str
    exchanges: tuple[str, ...]  # in order of preference
    commands_per_minute: int  # per user; 0: no limit
    max_connections: int  # updates in work at once
    cache_s: float
    api_key: str  # of the JSON API; "": there is none
    volscan_symbols: int  # how many markets /volscan looks at
    keep_budgets: bool
    telegram_url: str
    urls: Mapping[str, str]  # host name -> base address, where it differs
    keys: Mapping[str, Key]  # by exchange
    accounts_in_groups: bool
    alerts_per_user: int
    database_url: str
    is_database_chosen: bool = False  # or else it is where the program is, if that can be written
    ca_file: str = ""  # of the authorities to trust; "": certifi's
    is_on_fly: bool = False
    is_demo: bool = False
    poller_host: str | None = "127.0.0.1"  # where a poller's /health is; None: on all addresses
    commit: str = ""  # that the program was made of; "" where nobody said
    image: str = ""  # that it runs in
    fly_app: str = ""  # whose machines are asked for, where a file of one of them is the database

    def __repr__(self) -> str:
        told = {name: value for name, value in self._asdict().items() if name not in UNTOLD}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in told.items())})"

    @property
    def secrets(self) -> tuple[str, ...]:
        of_keys = [text for key in self.keys.values() for text in (key.api_key, key.secret, key.passphrase)]
        password = urlsplit(self.database_url).password or ""
        if 0 < len(password) < MIN_OF_KEY:  # where it stands, or all of the log would be blots
            password = f":{password}@"
        own = (self.token, self.webhook_secret, self.api_key, password)
        return tuple(secret for secret in (*own, *of_keys) if secret)

    def may_ask(self, chat_id: int, user_id: int | None) -> bool:
        """Whether that user is answered in that chat, of the market: accounts are for users who are listed."""
        return self.is_open or chat_id in self.allowed_ids or user_id in self.allowed_ids

    @property
    def build(self) -> dict[str, str]:
        """Which build this is: version, commit and image; "" where nobody said."""
        return {"version": VERSION, "commit": self.commit, "image": self.image}

    @property
    def build_line(self) -> str:
        """ "version 0.3.0, commit 1a2b3c4, image registry.fly.io/…"."""
        return ", ".join(f"{name} {value}" for name, value in self.build.items() if value)


def load(environ: Mapping[str, str], known_exchanges: Iterable[str], *, is_demo: bool = False) -> Settings:
    """Reads and checks every variable. Raises SettingsError for the first wrong one.

    A missing token is no error here: token is then "", and who needs one says so.
    """
    token = environ.get("TELEGRAM_BOT_TOKEN", "").strip()
    if token and not re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]{8,}", token):
        raise SettingsError("TELEGRAM_BOT_TOKEN should look like 123456789:AAE… as BotFather gives it.")
    ids, is_open = _chat_ids(environ)
    telegram_url = _url(environ, "TELEGRAM_API_URL") or TELEGRAM_API_URL
    return Settings(
        token=token,
        webhook_secret=_webhook_secret(environ, token),
        webhook_url=_webhook_url(environ, must_be_https=telegram_url == TELEGRAM_API_URL),
        allowed_ids=frozenset(ids),
        owner_id=next((each for each in ids if each > 0), None),
        is_open=is_open,
        port=_whole(environ, "PORT", 8000, 0, 65535),
        log_level=_log_level(environ),
        exchanges=_exchanges(environ, tuple(known_exchanges)),
        commands_per_minute=_whole(environ, "COMMANDS_PER_MINUTE", 20, 0, 10_000),
        max_connections=_whole(environ, "MAX_CONNECTIONS", 20, 1, 100),
        cache_s=_whole(environ, "CACHE_SECONDS", 2, 0, 60),
        api_key=_api_key(environ),
        volscan_symbols=_whole(environ, "VOLSCAN_SYMBOLS", 200, 1, 1000),
        keep_budgets=bool(_whole(environ, "RATE_BUDGETS", 1, 0, 1)),
        telegram_url=telegram_url,
        urls={name: url for name in (host.name for host in HOSTS) if (url := _url(environ, f"{name}_URL"))},
        keys={name: key for name in ACCOUNTS if (key := _key(environ, name)) is not None},
        accounts_in_groups=bool(_whole(environ, "ACCOUNTS_IN_GROUPS", 0, 0, 1)),
        alerts_per_user=_whole(environ, "ALERTS_PER_USER", 20, 0, 1000),
        database_url=_database_url(environ, is_demo=is_demo),
        is_database_chosen=any(environ.get(name, "").strip() for name in ("DATABASE_URL", "DATA_DIR")),
        ca_file=_ca_file(environ),
        is_on_fly=bool(environ.get("FLY_APP_NAME", "").strip()),
        is_demo=is_demo,
        poller_host=None if environ.get("PORT", "").strip() or environ.get("FLY_APP_NAME") else "127.0.0.1",
        commit=_plain(environ.get("COMMIT", ""))[:12],
        image=_plain(environ.get("FLY_IMAGE_REF", "")),
        fly_app=_plain(environ.get("FLY_APP_NAME", "")),
    )


def _plain(text: str) -> str:
    """A name that others made, as far as it can be shown anywhere."""
    return re.sub(r"[^A-Za-z0-9._:/@+-]", "", text)[:256]


def _key(environ: Mapping[str, str], exchange: str) -> Key | None:
    """The exchange's key; None when none of its variables is set."""
    names = [f"{exchange.upper()}_{what}" for what in ACCOUNTS[exchange].key_parts]
    values = [environ.get(name, "").strip() for name in names]
    testnet = bool(_whole(environ, f"{exchange.upper()}_TESTNET", 0, 0, 1))
    if not any(values):
        return None
    for name, value in zip(names, values, strict=True):
        if not value:
            raise SettingsError(f"{name} should be set too, as another part of that API key is.")
        if not value.isascii() or not value.isprintable() or " " in value or len(value) < MIN_OF_KEY:
            raise SettingsError(
                f"{name} should be as the exchange gave it, without spaces, {MIN_OF_KEY} or more signs."
            )
    api_key, secret, passphrase = (*values, "")[:3]
    return Key(api_key, secret, passphrase, testnet)


def _database_url(environ: Mapping[str, str], *, is_demo: bool) -> str:
    """PostgreSQL's address, or a file of SQLite; the demo never writes among what is real."""
    url = environ.get("DATABASE_URL", "").strip()
    if url and "://" in url and not url.startswith(("postgresql://", "postgres://", "sqlite:///")):
        raise SettingsError("DATABASE_URL should begin with postgresql:// or sqlite:///.")
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise SettingsError("DATABASE_URL should be like postgresql://user:password@host:5432/name.") from None
    if url == "sqlite:///":
        raise SettingsError("DATABASE_URL should name a file after sqlite:///, or nothing outlives the process.")
    folder = environ.get("DATA_DIR", "").strip() or DATA_DIR
    return url if url and not is_demo else f"sqlite:///{folder}/{'demo' if is_demo else 'bot'}.db"


def _chat_ids(environ: Mapping[str, str]) -> tuple[list[int], bool]:
    """In the order in which they are listed; and whether everybody may ask."""
    words = [word.strip() for word in environ.get("TELEGRAM_CHAT_ID", "").split(",") if word.strip()]
    ids = [word for word in words if word != "*"]
    if not all(re.fullmatch(r"-?[0-9]{1,16}", word) and abs(int(word)) < MAX_CHAT_ID for word in ids):
        raise SettingsError(
            "TELEGRAM_CHAT_ID should be ids separated by commas, such as 123456789,-1001234567890, or * for everybody."
        )
    return [*map(int, ids)], "*" in words


def _webhook_secret(environ: Mapping[str, str], token: str) -> str:
    """The one that is set, or one made of the token: so it is always on, and the same on every machine."""
    secret = environ.get("WEBHOOK_SECRET", "").strip()
    if not secret:
        return hmac.new(token.encode(), b"webhook secret", hashlib.sha256).hexdigest() if token else ""
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", secret):
        raise SettingsError("WEBHOOK_SECRET should be 16 to 256 letters, digits, _ or -, as Telegram allows no others.")
    return secret


def _api_key(environ: Mapping[str, str]) -> str:
    key = environ.get("API_KEY", "").strip()
    if key and not re.fullmatch(r"[A-Za-z0-9_.~+/=-]{16,256}", key):
        raise SettingsError(
            "API_KEY should be 16 to 256 letters, digits or any of _.~+/=- such as `openssl rand -hex 24`."
        )
    return key


def _webhook_url(environ: Mapping[str, str], *, must_be_https: bool) -> str:
    app = environ.get("FLY_APP_NAME", "").strip()
    url = environ.get("WEBHOOK_URL", "").strip().rstrip("/") or (f"https://{app}.fly.dev" if app else "")
    if not url:
        return ""
    if must_be_https and not url.startswith("https://"):
        raise SettingsError("WEBHOOK_URL should begin with https://, as Telegram delivers to nothing else.")
    if not _is_address(url):
        raise SettingsError("WEBHOOK_URL should be an address such as https://example.com, without ? and #.")
    if must_be_https and (urlsplit(url).port or 443) not in WEBHOOK_PORTS:
        raise SettingsError("WEBHOOK_URL should have port 443, 80, 88 or 8443, as Telegram delivers to no other.")
    return url if url.endswith("/webhook") else f"{url}/webhook"


def _is_address(url: str) -> bool:
    """http or https, a host name or address, a port that can be, a path; no user, query or fragment."""
    host = r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]"
    path = r"/[^\s?#\ud800-\udfff]*"  # what is no UTF-8 in the environment comes as half characters
    found = re.fullmatch(rf"https?://({host})(:(?P<port>[0-9]{{1,5}}))?({path})?", url)
    return found is not None and 0 < int(found["port"] or 80) < 65536


def _url(environ: Mapping[str, str], name: str) -> str:
    url = environ.get(name, "").strip().rstrip("/")
    if url and not _is_address(url):
        raise SettingsError(f"{name} should be an address such as https://example.com, without ? and #.")
    return url


def _ca_file(environ: Mapping[str, str]) -> str:
    """The variable's name and meaning are OpenSSL's: these authorities instead of the usual ones.

    Whether there is one is looked at here. OpenSSL loads them with the first connection: 20 ms for 140 of them.
    """
    path = environ.get("SSL_CERT_FILE", "").strip()
    if path and not _has_certificate(path):
        raise SettingsError("SSL_CERT_FILE should be a file of certificates in PEM form.")
    return path


def _has_certificate(path: str) -> bool:
    """Whether a file begins with one: base64 of a DER sequence (X.690) that is as long as it says."""
    with suppress(OSError, ValueError), open(path) as file:
        found = re.search(r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([^-]+)-----END", file.read())
        der = b"" if found is None else binascii.a2b_base64(found[1])
        return der[:2] == b"\x30\x82" and len(der) >= 4 + int.from_bytes(der[2:4], "big")
    return False


def _whole(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise SettingsError(f"{name} should be a whole number from {least} to {most}.")
    return int(text)


def _log_level(environ: Mapping[str, str]) -> str:
    level = environ.get("LOG_LEVEL", "").strip().upper() or "INFO"
    if level not in LOG_LEVELS:
        raise SettingsError(f"LOG_LEVEL should be one of {', '.join(LOG_LEVELS)}.")
    return level


def _exchanges(environ: Mapping[str, str], known: tuple[str, ...]) -> tuple[str, ...]:
    words = [word.strip().lower() for word in environ.get("EXCHANGES", "").split(",") if word.strip()]
    if any(word not in known for word in words) or len(set(words)) != len(words):
        raise SettingsError(f"EXCHANGES should name some of {','.join(known)}, each once, the preferred one first.")
    return tuple(words) or known
