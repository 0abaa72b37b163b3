"""The keys of the offline world's only customer, and how each exchange checks who asks.

Every check is as strict as the exchange documents it, and every refusal is in its words.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from datetime import datetime

from demo.web import Asked, Reply, in_json

USER_ID = 1001  # of the customer, in Telegram
COMMANDS_PER_MINUTE = "60"  # who tries things presses more than who trades
ENVIRON = {
    "BINANCE_API_KEY": "demo-binance-key",
    "BINANCE_SECRET_KEY": "demo-binance-secret",
    "BYBIT_API_KEY": "demo-bybit-key",
    "BYBIT_SECRET_KEY": "demo-bybit-secret",
    "OKX_API_KEY": "demo-okx-key",
    "OKX_SECRET_KEY": "demo-okx-secret",
    "OKX_PASSPHRASE": "demo-okx-passphrase",
}


def _digest(secret_name: str, text: str) -> bytes:
    return hmac.new(ENVIRON[secret_name].encode(), text.encode(), hashlib.sha256).digest()


def binance_refusal(asked: Asked, now_ms: int) -> Reply | None:
    """None when the query is signed as sent, in time, by the customer.

    Accepted when timestamp < now + 1000 and now - timestamp <= recvWindow.
    """
    key = asked.headers.get("x-mbx-apikey", "")
    if not re.fullmatch(r"[\w-]{8,}", key):
        return in_json({"code": -2014, "msg": "API-key format invalid."}, 401)
    if key != ENVIRON["BINANCE_API_KEY"]:
        return in_json({"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, 401)
    query = asked.target.partition("?")[2]
    signed, separator, signature = query.rpartition("&signature=")
    timestamp, window = asked.query.get("timestamp", ""), asked.query.get("recvWindow", "5000")
    if not timestamp.isdecimal() or not separator:
        return in_json({"code": -1102, "msg": "Mandatory parameter 'timestamp' was not sent, or malformed."}, 400)
    if not now_ms - int(window) <= int(timestamp) < now_ms + 1000:
        return in_json({"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}, 400)
    if not hmac.compare_digest(_digest("BINANCE_SECRET_KEY", signed).hex(), signature):
        return in_json({"code": -1022, "msg": "Signature for this request is not valid."}, 400)
    return None


def bybit_refusal(asked: Asked, now_ms: int) -> Reply | None:
    """As for Binance, with the signature of time, key, window and query in headers."""

    def refuse(code: int, msg: str) -> Reply:
        return in_json({"retCode": code, "retMsg": msg, "result": {}, "retExtInfo": {}, "time": now_ms})

    key, timestamp = asked.headers.get("x-bapi-api-key", ""), asked.headers.get("x-bapi-timestamp", "")
    window = asked.headers.get("x-bapi-recv-window", "5000")
    if key != ENVIRON["BYBIT_API_KEY"]:
        return refuse(10003, "API key is invalid.")
    if not timestamp.isdecimal() or not now_ms - int(window) <= int(timestamp) < now_ms + 1000:
        return refuse(
            10002,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{timestamp}],server_timestamp[{now_ms}],recv_window[{window}]",
        )
    text = f"{timestamp}{key}{window}{asked.target.partition('?')[2]}"
    if not hmac.compare_digest(_digest("BYBIT_SECRET_KEY", text).hex(), asked.headers.get("x-bapi-sign", "")):
        return refuse(10004, "error sign! origin_string[hidden]")
    return None


def okx_refusal(asked: Asked, now_ms: int) -> Reply | None:
    """The time is ISO 8601 with exactly three digits of milliseconds, and good for 30 s; the signature is base64."""

    def refuse(code: str, msg: str) -> Reply:
        return in_json({"msg": msg, "code": code}, 401)

    timestamp = asked.headers.get("ok-access-timestamp", "")
    if asked.headers.get("ok-access-key") != ENVIRON["OKX_API_KEY"]:
        return refuse("50111", "Invalid OK-ACCESS-KEY")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp):
        return refuse("50112", "Invalid OK-ACCESS-TIMESTAMP")
    if abs(datetime.fromisoformat(timestamp).timestamp() * 1000 - now_ms) > 30_000:
        return in_json({"code": "50102", "data": [], "msg": "Timestamp request expired"}, 401)
    if asked.headers.get("ok-access-passphrase") != ENVIRON["OKX_PASSPHRASE"]:
        return refuse("50105", "Request header OK-ACCESS-PASSPHRASE incorrect.")
    expected = b64encode(_digest("OKX_SECRET_KEY", f"{timestamp}{asked.method}{asked.target}")).decode()
    if not hmac.compare_digest(expected, asked.headers.get("ok-access-sign", "")):
        return refuse("50113", "Invalid Sign")
    return None
