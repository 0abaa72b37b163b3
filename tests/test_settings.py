"""The environment, and a log that shows no secret."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from conftest import ROOT, together

import settings
from exchanges import table
from http1.client import certifis_file
from log import set_up_log, working_on
from settings import SettingsError, load

TOKEN = "123456:TEST-abcdefghijk"


def loaded(**variables: str) -> settings.Settings:
    return load({"TELEGRAM_BOT_TOKEN": TOKEN, **variables}, table.EXCHANGES)


def test_defaults() -> None:
    chosen = loaded()
    assert (chosen.port, chosen.log_level, chosen.exchanges) == (8000, "INFO", tuple(table.EXCHANGES))
    assert (chosen.allowed_ids, chosen.is_open, chosen.webhook_url) == (frozenset(), False, "")
    assert (chosen.commands_per_minute, chosen.max_connections, chosen.cache_s) == (20, 20, 2)
    assert chosen.telegram_url == "https://api.telegram.org"


def test_nothing_set_is_no_error() -> None:
    assert load({}, table.EXCHANGES).token == ""


@together(
    "name, value",
    [
        ("TELEGRAM_BOT_TOKEN", "abc"),
        ("TELEGRAM_BOT_TOKEN", "123456:short"),
        ("TELEGRAM_CHAT_ID", "me"),
        ("TELEGRAM_CHAT_ID", "1;2"),
        ("WEBHOOK_URL", "http://example.com"),
        ("WEBHOOK_URL", "example.com"),
        ("WEBHOOK_SECRET", "with space"),
        ("WEBHOOK_SECRET", "x" * 257),
        ("WEBHOOK_SECRET", "x" * 15),
        ("API_KEY", "x" * 15),
        ("BINANCE_API_KEY", "a"),
        ("PORT", "80a"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٣"),
        ("LOG_LEVEL", "LOUD"),
        ("EXCHANGES", "binance,mtgox"),
        ("EXCHANGES", "okx,okx"),
        ("COMMANDS_PER_MINUTE", "many"),
        ("MAX_CONNECTIONS", "0"),
        ("MAX_CONNECTIONS", "101"),
        ("CACHE_SECONDS", "1.5"),
        ("RATE_BUDGETS", "yes"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("SSL_CERT_FILE", __file__),
        ("TELEGRAM_API_URL", "ftp://x"),
        ("BYBIT_URL", "https://x/?a=b"),
        ("OKX_URL", "https://user:secret@x"),
        ("OKX_URL", "http://127.0.0.1:99999"),
        ("OKX_URL", "http://127.0.0.1:0"),
        ("OKX_URL", "http://[::1"),
        ("OKX_URL", "http://a..b"),
        ("OKX_URL", "http://a:b:c"),
        ("WEBHOOK_URL", "https://a..b"),
        ("WEBHOOK_URL", "https://a.example/?x=1"),
        ("WEBHOOK_URL", "https://a.example:8000"),
        ("WEBHOOK_URL", "https://a.example:4430/bot"),
        ("DATABASE_URL", "postgres://[bad/db"),
        ("DATABASE_URL", "postgresql://u:p@h:port/db"),
        ("DATABASE_URL", "sqlite:///"),
        ("TELEGRAM_BOT_TOKEN", "\u0661\u0662\u0663456:TEST-abcdefghijk"),
        ("TELEGRAM_CHAT_ID", "1_000"),
        ("TELEGRAM_CHAT_ID", "\u0663"),
        ("TELEGRAM_CHAT_ID", "9" * 5000),
        ("TELEGRAM_CHAT_ID", "9" * 16),
    ],
)
def test_wrong_values_are_named_in_one_sentence(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(**{"BINANCE_SECRET_KEY": "s" * 64 if name == "BINANCE_API_KEY" else "", name: value})
    text = str(caught.value)
    assert text.startswith(name)
    assert text.endswith(".")
    assert "\n" not in text
    assert "secret@" not in text


@together(
    "text",
    [
        "CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n",
        "",
    ],
)
def test_authorities_that_cannot_be_loaded_stop_the_start(text: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(text)
    with pytest.raises(SettingsError, match="SSL_CERT_FILE should be a file of certificates"):
        loaded(SSL_CERT_FILE=str(tmp_path / "ca.pem"))


def test_authorities_that_can_be_loaded() -> None:
    assert loaded(SSL_CERT_FILE=certifis_file()).ca_file == certifis_file()


def test_chat_ids() -> None:
    assert loaded(TELEGRAM_CHAT_ID=" 12, -1001234567890,").allowed_ids == {12, -1001234567890}
    assert loaded(TELEGRAM_CHAT_ID="*").is_open
    assert loaded(TELEGRAM_CHAT_ID="12,*").allowed_ids == {12}


@together("listed, owner_id", [("1002,1001", 1002), ("-1001234567890,7,5", 7), ("*,9,8", 9), ("-1001234567890", None)])
def test_the_owner_is_the_user_listed_first(listed: str, owner_id: int | None) -> None:
    assert loaded(TELEGRAM_CHAT_ID=listed).owner_id == owner_id


@together(
    "variables, url",
    [
        ({"WEBHOOK_URL": "https://a.example"}, "https://a.example/webhook"),
        ({"WEBHOOK_URL": "https://a.example/bot/"}, "https://a.example/bot/webhook"),
        ({"WEBHOOK_URL": "https://a.example/webhook"}, "https://a.example/webhook"),
        ({"WEBHOOK_URL": "https://a.example:8443"}, "https://a.example:8443/webhook"),
        ({"FLY_APP_NAME": "tick"}, "https://tick.fly.dev/webhook"),
        ({"FLY_APP_NAME": "tick", "WEBHOOK_URL": "https://b.example"}, "https://b.example/webhook"),
        (
            {"WEBHOOK_URL": "http://127.0.0.1:8000", "TELEGRAM_API_URL": "http://127.0.0.1:1"},
            "http://127.0.0.1:8000/webhook",
        ),
    ],
)
def test_webhook_url(variables: dict[str, str], url: str) -> None:
    assert loaded(**variables).webhook_url == url


def test_webhook_secret_is_always_on_and_always_the_same() -> None:
    secret = loaded().webhook_secret
    assert secret == loaded().webhook_secret
    assert secret != loaded(TELEGRAM_BOT_TOKEN="123456:TEST-another-one").webhook_secret
    assert len(secret) == 64
    assert loaded(WEBHOOK_SECRET="mine-of-16-signs").webhook_secret == "mine-of-16-signs"


def test_repr_shows_no_secret() -> None:
    chosen = loaded(WEBHOOK_SECRET="hush-hush-hush-hush")
    assert TOKEN not in repr(chosen)
    assert "hush-hush-hush-hush" not in repr(chosen)


@pytest.mark.raw_secrets
def test_log_shows_no_secret_and_what_is_at_work(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = loaded(WEBHOOK_SECRET="hush-hush-hush-hush")
    set_up_log(chosen)
    log = logging.getLogger("some.module")
    token = working_on.set("update 7 /price")
    try:
        raise ValueError(f"https://api.telegram.org/bot{TOKEN}/getMe")
    except ValueError:
        log.exception("with %s", "hush-hush-hush-hush")
    working_on.reset(token)
    log.info("other bot 987654321:AAbbCCddEEffGG")
    log.info("only %s", "hush-hush-hush-hush")
    said = capsys.readouterr().err
    assert "[update 7 /price] with [secret]" in said
    assert "https://api.telegram.org/bot[secret]/getMe" in said
    assert "other bot [secret]\n" in said
    assert "only [secret]\n" in said
    for secret in (TOKEN, "hush-hush-hush-hush", "AAbbCCddEEffGG"):
        assert secret not in said


def test_short_password_is_blotted_where_it_stands() -> None:
    short, long = (loaded(DATABASE_URL=f"postgresql://bot:{each}@db/bot").secrets for each in ("a", "long-enough"))
    assert ":a@" in short
    assert "a" not in short
    assert "long-enough" in long


def test_hosts_have_their_variables() -> None:
    """Every address that an exchange module names can be replaced."""
    named: set[str] = set()
    for path in (ROOT / "exchanges").glob("*.py"):
        named |= set(re.findall(r'Host\("([A-Z_]+)"', path.read_text()))
    assert named == {host.name for host in table.HOSTS}
    environ = {f"{name}_URL": f"http://localhost/{name}" for name in named}
    assert set(settings.load(environ, table.EXCHANGES).urls) == named
