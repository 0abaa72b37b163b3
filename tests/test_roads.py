"""The files with which the bot is put somewhere: fly*.toml, compose.yaml, template.yaml, the dashboard.

No Fly, no engine and no AWS is asked. What they would refuse, or silently ignore, is written here.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from conftest import ROOT, a_house, together

import bot
import serving
import settings
import webhook_server
from exchanges import table

SERVING = ("fly.toml", "deploy/fly.sleeping.toml")
ALL_OF_FLY = (*SERVING, "fly.polling.toml")
IN_THE_US = {"dfw", "ewr", "iad", "lax", "ord", "sjc"}  # Fly's regions there
DEFAULT = settings.load({}, table.EXCHANGES)

CHECK = {"interval", "timeout", "grace_period", "method", "path"}
KNOWN: dict[str, set[str]] = {
    "env": {"PORT", "LOG_LEVEL", "DATABASE_URL"},
    "deploy": {"strategy", "release_command"},
    "processes": {"app"},
    "mounts": {"source", "destination", "initial_size"},
    "http_service": {"internal_port", "force_https", "auto_stop_machines", "auto_start_machines",
                     "min_machines_running", "concurrency", "checks"},
    "http_service.concurrency": {"type", "soft_limit", "hard_limit"},
    "http_service.checks": CHECK,
    "checks.health": {*CHECK, "type", "port"},
    "metrics": {"port", "path"},
    "vm": {"size", "memory"},
    "restart": {"policy", "retries"},
}  # fmt: skip
"""Fly's tables and keys as far as we use them, after flyctl's own: what it does not know it ignores silently."""
TOP = {"primary_region", "kill_signal", "kill_timeout"}
LISTS = {"http_service.checks", "vm", "restart"}  # these need double brackets, the others must not have them


def fly(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text())


def tables(told: dict[str, Any], above: str = "") -> dict[str, list[dict[str, Any]]]:
    """Every table by its path; one that is no list is a list of one."""
    found: dict[str, list[dict[str, Any]]] = {}
    for key, value in told.items():
        each = value if isinstance(value, list) else [value]
        if isinstance(each[0], dict):
            found[f"{above}{key}"] = each
            found |= tables(each[0], f"{above}{key}.")
    return found


def seconds(duration: object) -> float:
    """Of a string with a unit; a bare number would mean something else in each of Fly's tables."""
    assert isinstance(duration, str)
    found = re.fullmatch(r"(\d+)(ms|s|m)", duration)
    assert found is not None
    return int(found[1]) * {"ms": 0.001, "s": 1, "m": 60}[found[2]]


def is_command_of_ours(command: str) -> bool:
    """Whether `python bot.py …` or `python webhook_server.py` is one that those programs know."""
    python, program, *arguments = shlex.split(command)
    known = {"bot.py": bot.ARGUMENTS, "webhook_server.py": ([],)}
    return python == "python" and arguments in known[program]


# Fly.


@pytest.mark.parametrize("name", ALL_OF_FLY)
def test_fly_knows_every_key(name: str) -> None:
    told = fly(name)
    assert {key for key, value in told.items() if not isinstance(value, dict | list)} <= TOP
    for path, each in tables(told).items():
        if path != "checks":
            assert all(set(table) <= KNOWN[path] for table in each), path


@pytest.mark.parametrize("name", ALL_OF_FLY)
def test_fly_brackets_are_as_fly_wants_them(name: str) -> None:
    text = (ROOT / name).read_text()
    assert set(re.findall(r"^\s*\[\[(.+?)\]\]", text, re.MULTILINE)) <= LISTS
    assert set(re.findall(r"^\s*\[([^\[\]]+)\]", text, re.MULTILINE)) & LISTS == set()


@pytest.mark.parametrize("name", ALL_OF_FLY)
def test_fly_machine_is_one_small_one_outside_the_us(name: str) -> None:
    told = fly(name)
    assert told["vm"] == [{"size": "shared-cpu-1x", "memory": "256mb"}]
    assert told["primary_region"] not in IN_THE_US
    assert "app" not in told  # FLY_APP says it: a name is somebody's


@pytest.mark.parametrize("name", ALL_OF_FLY)
def test_fly_leaves_time_to_stop(name: str) -> None:
    told = fly(name)
    assert told["kill_signal"] == "SIGTERM"
    assert serving.GRACE_S + 1 <= seconds(told["kill_timeout"]) <= 300


@pytest.mark.parametrize("name", ALL_OF_FLY)
def test_fly_ports_are_one(name: str) -> None:
    told = fly(name)
    ports = [told["env"]["PORT"], told["metrics"]["port"], told.get("http_service", {}).get("internal_port")]
    ports += [check["port"] for check in told.get("checks", {}).values()]
    assert {int(port) for port in ports if port is not None} == {DEFAULT.port}


@pytest.mark.parametrize("name", ALL_OF_FLY)
def test_fly_runs_what_there_is(name: str) -> None:
    told = fly(name)
    commands = [*told.get("processes", {}).values(), told.get("deploy", {}).get("release_command")]
    assert all(is_command_of_ours(command) for command in commands if command)


@pytest.mark.parametrize("name", SERVING)
@pytest.mark.real_time
async def test_fly_checks_what_is_served(name: str) -> None:
    async with a_house() as house, httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
        for check in fly(name)["http_service"]["checks"]:
            assert (await client.request(check["method"], check["path"])).status_code == 200
            assert 1 <= seconds(check["timeout"]) < seconds(check["interval"]) <= 60
            assert seconds(check["grace_period"]) >= 5


@pytest.mark.parametrize("name", SERVING)
@pytest.mark.real_time
async def test_fly_scrapes_what_is_served(name: str) -> None:
    async with (
        a_house(FLY_APP_NAME="market-bot", WEBHOOK_URL="http://127.0.0.1:1") as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        assert (await client.get(fly(name)["metrics"]["path"])).status_code == 200


@pytest.mark.parametrize("name", ["fly.toml", "fly.polling.toml"])
def test_alerts_have_a_volume_and_no_sleep(name: str) -> None:
    told = fly(name)
    service = told.get("http_service", {"auto_stop_machines": "off", "min_machines_running": 1})
    assert (service["auto_stop_machines"], service["min_machines_running"]) == ("off", 1)
    assert told["env"]["DATABASE_URL"].startswith(told["mounts"]["destination"] + "/")


def test_a_machine_that_sleeps_promises_no_alerts() -> None:
    told = fly("deploy/fly.sleeping.toml")
    assert (told["http_service"]["auto_stop_machines"], "mounts" in told) == ("stop", False)
    assert "DATABASE_URL" not in told["env"]


def test_a_poller_is_never_two_and_always_comes_back() -> None:
    told = fly("fly.polling.toml")
    assert told["deploy"]["strategy"] == "immediate"
    assert told["restart"] == [{"policy": "always"}]
    assert "http_service" not in told


# Compose.


def compose() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return told


def test_compose_polls_unless_asked_otherwise() -> None:
    """`docker compose up` starts what has no profile."""
    services = compose()["services"]
    assert [name for name, service in services.items() if "profiles" not in service] == ["polling"]
    assert "ports" not in services["polling"]


def test_compose_demands_an_address_for_the_webhook() -> None:
    webhook = compose()["services"]["webhook"]
    assert webhook["environment"]["WEBHOOK_URL"].startswith("${WEBHOOK_URL:?")
    assert webhook["ports"] == [f"127.0.0.1:{DEFAULT.port}:{DEFAULT.port}"]
    assert webhook["environment"]["PORT"] == str(DEFAULT.port)


@pytest.mark.parametrize("name", ["polling", "webhook"])
def test_compose_keeps_to_the_bounds(name: str) -> None:
    service = compose()["services"][name]
    assert is_command_of_ours(shlex.join(service["command"]))
    assert (service["mem_limit"], service["memswap_limit"], service["read_only"]) == ("256m", "256m", True)
    assert (service["cap_drop"], service["restart"]) == (["ALL"], "unless-stopped")
    assert seconds(service["stop_grace_period"]) >= serving.GRACE_S + 1
    assert service["volumes"] == ["data:/data"]
    assert service["environment"]["DATABASE_URL"].startswith("/data/")
    assert "data" in compose()["volumes"]


# Lambda.


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short functions as what stands behind them."""


Template.add_multi_constructor("!", lambda loader, name, node: {name: node.value})


def template() -> dict[str, Any]:
    told: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Template)
    return told


def test_lambda_gets_what_the_handler_needs() -> None:
    function = template()["Resources"]["Bot"]["Properties"]
    module, name = function["Handler"].split(".")
    assert (module, callable(getattr(webhook_server, name))) == ("webhook_server", True)
    assert bot.COMMAND_S + 2 <= function["Timeout"] <= 29
    assert function["FunctionUrlConfig"] == {"AuthType": "NONE"}


def test_lambda_ticks_only_with_a_database() -> None:
    told = template()
    assert {name for name, each in told["Resources"].items() if each.get("Condition")} == {"Tick", "TickRole"}
    tick = told["Resources"]["Tick"]["Properties"]
    assert tick["ScheduleExpression"] == "rate(1 minute)"
    assert json.loads(tick["Target"]["Input"]) == {"tick": True}


def test_lambda_keeps_its_log_for_a_while() -> None:
    assert template()["Resources"]["Log"]["Properties"] == {"RetentionInDays": 14}


def test_lambda_hides_what_is_secret() -> None:
    parameters = template()["Parameters"]
    assert {name for name, each in parameters.items() if each.get("NoEcho")} == {"TelegramBotToken", "DatabaseUrl"}


@together("token, fits", [("123456:TEST-0000_a", True), ("123456", False), ("", False), ("123456:short", False)])
def test_lambda_takes_the_tokens_that_we_take(token: str, fits: bool) -> None:
    pattern = template()["Parameters"]["TelegramBotToken"]["AllowedPattern"]
    assert (re.fullmatch(pattern, token) is not None) is fits


# What an operator looks at.


def panels() -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads((ROOT / "deploy" / "grafana.json").read_text())["panels"]
    return told


@pytest.mark.real_time
async def test_dashboard_asks_for_metrics_that_there_are() -> None:
    async with (
        a_house(FLY_APP_NAME="market-bot", WEBHOOK_URL="http://127.0.0.1:1") as house,
        httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client,
    ):
        exposed = (await client.get("/metrics")).text
    names = set(re.findall(r"^# TYPE (\w+)", exposed, re.MULTILINE))
    asked = {name for panel in panels() for target in panel["targets"]
             for name in re.findall(r"\b(?:bot|process)_\w+", target["expr"])}  # fmt: skip
    assert asked
    assert {name for name in asked if re.sub(r"_bucket$", "", name) not in names} == set()


def test_dashboard_shows_six_things() -> None:
    told = panels()
    assert len(told) == 6
    assert all(panel["title"] and panel["description"] and panel["targets"] for panel in told)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in told]
    assert len(set(places)) == 6


def paths() -> list[Path]:
    return sorted((ROOT / "deploy").iterdir())


def test_everything_in_deploy_is_named_in_the_docs() -> None:
    docs = "".join(path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
    assert {path.name for path in paths() if f"deploy/{path.name}" not in docs} == set()
