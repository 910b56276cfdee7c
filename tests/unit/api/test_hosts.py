"""Which names a server without login answers to."""

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from api.hosts import Hosts, host_of, needs_hosts
from config.settings import Settings, load_settings


def a_server(**more: str) -> Settings:
    return load_settings(kafka_bootstrap_servers="k:9092", **{"auth": "none", **more})


async def asked(host: str, path: str = "/", **more: str) -> httpx.Response:
    app = FastAPI()

    @app.get("/{rest:path}")
    async def anything() -> str:
        return "here"

    app.add_middleware(Hosts, settings=a_server(**more))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path, headers={"host": host})


@pytest.mark.parametrize(
    "host",
    ["localhost:8080", "inbox.localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST", "127.1.2.3"],
)
async def test_loopback_names_are_served(host: str) -> None:
    assert (await asked(host)).status_code == 200


async def test_the_host_of_the_public_address_is_served() -> None:
    public = "https://Inbox.example/pages/"
    assert (await asked("inbox.example", public_url=public)).status_code == 200
    assert (await asked("other.example", public_url=public)).status_code == 421


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7", ""]
)
async def test_other_names_are_refused_and_told_what_to_set(host: str) -> None:
    answer = await asked(host)
    assert answer.status_code == 421
    assert answer.json()["type"] == "/problems/foreign-host"
    assert "SLUICEGATE_PUBLIC_URL" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_health_is_told_under_any_name(path: str) -> None:
    assert (await asked("10.2.0.9:8080", path)).status_code == 200


@pytest.mark.parametrize(
    ("more", "needed"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"host": "localhost"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "10.0.0.7"}, False),
    ],
)
def test_only_a_server_on_loopback_without_login_asks_for_names(
    more: dict[str, str], needed: bool
) -> None:
    assert needs_hosts(a_server(**more)) is needed


def test_a_host_is_read_without_its_port() -> None:
    assert [host_of(text) for text in ("a.example.:1", "[::1]:8080", "[::1", None)] == [
        "a.example",
        "::1",
        "",
        "",
    ]
