"""What actions may not reach (requirements.md S58, reliability.md M19 and M20)."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from actions.client import Call, HttpClient
from actions.guard import Guard
from actions.results import Failed
from actions.urls import checked_url
from tests.unit.actions.target import Target, asking, loaded, serving

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8"]
NOT_PUBLIC = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.192",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2001::1",
    "2002:7f00:1::",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
]


# S58
@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_leads_inside_is_refused(address: str) -> None:
    assert not Guard().permits(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_open_by_tls_on_the_usual_ports(address: str) -> None:
    assert Guard().permits(address, 443)
    assert not Guard().permits(address, 22)
    assert not Guard().permits(address, 80, plain=True)


def test_an_allowed_network_is_open_on_every_port_and_nothing_else_is() -> None:
    guard = Guard(["10.1.0.0/16", "::1", "169.254.169.254"])
    assert guard.permits("10.1.2.3", 8081, plain=True)
    assert guard.permits("::ffff:10.1.2.3")
    assert guard.permits("::1")
    assert guard.permits("169.254.169.254")
    assert not guard.permits("10.2.0.1")


def test_hosts_are_trusted_by_name_or_by_suffix_whatever_their_case() -> None:
    guard = Guard(["ERP.internal", "*.corp.example"])
    assert guard.trusts("erp.INTERNAL.")
    assert guard.trusts("a.corp.example")
    assert not guard.trusts("corp.example")
    assert not guard.trusts("evil-erp.internal")
    assert not guard.trusts("erp.internal.evil.example")
    assert not Guard().trusts("")


def test_development_opens_private_networks_but_not_the_metadata_service() -> None:
    guard = Guard(allow_private=True)
    assert guard.permits("127.0.0.1", 9999, plain=True)
    assert guard.permits("192.168.0.7", 80, plain=True)
    assert not guard.permits("169.254.169.254", 80)
    assert not guard.permits("::ffff:169.254.169.254", 80)


@pytest.fixture
async def listener() -> AsyncIterator[tuple[int, list[object]]]:
    """Listen on loopback, both families, and note every connection."""
    connections: list[object] = []
    heard = asyncio.Event()

    def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer.get_extra_info("peername"))
        heard.set()
        writer.close()

    sockets = [socket.create_server(("127.0.0.1", 0))]
    port = sockets[0].getsockname()[1]
    if socket.has_ipv6:
        with contextlib.suppress(OSError):
            sockets.append(socket.create_server(("::1", port), family=socket.AF_INET6))
    servers = [await asyncio.start_server(note, sock=sock) for sock in sockets]
    # The listener hears those who come, so that hearing nobody means something.
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()
    await asyncio.wait_for(heard.wait(), 5)
    connections.clear()
    yield port, connections
    for server in servers:
        server.close()


HOSTILE = [
    "http://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://ip6-localhost:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://\u2460\u2461\u2466.0.0.1:{port}/",
    "http://127\u30020\u30020\u30021:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://127.0.0.1:{port}\r\nHost: x/",
    "http://127.0.0.1%00.example.com:{port}/",
    "//127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "http://169.254.169.254/latest/meta-data/",
    "http:///127.0.0.1:{port}/",
    "http://",
    "http://127.0.0.1:{port}/../admin",
    "http://127.0.0.1:{port}/a/..%2fadmin",
    "http://127.0.0.1:{port}/a/%252e%252e/admin",
    "",
]


# S58
@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_url_is_refused_without_a_single_connection(
    url: str, listener: tuple[int, list[object]]
) -> None:
    port, connections = listener
    async with loaded(Guard()) as actions:
        result = await actions.perform(asking(url=url.format(port=port), timeout=2))
    assert isinstance(result, Failed)
    assert result.code in ("target_refused", "invalid_request", "invalid_url", "connection_failed")
    if result.code == "connection_failed":
        assert "name" in result.message
    assert "127.0.0.1" not in result.message
    assert connections == []


class Rebinding(AbstractResolver):
    """A name that is public when first asked for, and loopback from then on."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        self.asked += 1
        address = "93.184.215.14" if self.asked == 1 else "127.0.0.1"
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Close nothing."""


def a_call(url: str) -> Call:
    return Call("GET", checked_url(url), {}, None, asking(timeout=2).timeout)


# S58
async def test_a_name_that_is_rebound_to_loopback_is_refused(
    listener: tuple[int, list[object]],
) -> None:
    port, connections = listener
    resolver = Rebinding()
    await resolver.resolve("rebound.example")
    client = HttpClient(Guard(), resolver)
    try:
        for scheme in ("http", "https"):
            answer = await client.send(a_call(f"{scheme}://rebound.example:{port}/"))
            assert isinstance(answer, Failed)
            assert (answer.code, answer.retryable) == ("target_refused", False)
    finally:
        await client.close()
    assert resolver.asked > 1
    assert connections == []


# S58
async def test_a_redirect_is_not_followed() -> None:
    async with serving(Target()) as inside, serving(Target()) as target:
        target.status = 302
        target.headers["Location"] = f"{inside.url}/latest/meta-data/"
        async with loaded() as actions:
            result = await actions.perform(asking(url=target.url, method="GET"))
        assert isinstance(result, Failed)
        assert (result.code, inside.asked) == ("http_302", [])


async def test_a_host_that_the_deployer_named_is_called_wherever_it_resolves_to() -> None:
    async with serving(Target()) as target:
        port = target.url.rpartition(":")[2]
        client = HttpClient(Guard(["localhost"]), ThreadedResolver())
        try:
            named = await client.send(a_call(f"http://localhost:{port}/"))
            numbered = await client.send(a_call(f"http://127.0.0.1:{port}/"))
        finally:
            await client.close()
    assert not isinstance(named, Failed)
    assert named.status == 200
    assert isinstance(numbered, Failed)
    assert numbered.code == "target_refused"


async def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, listener: tuple[int, list[object]]
) -> None:
    port, connections = listener
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    async with serving(Target()) as target, loaded() as actions:
        await actions.perform(asking(url=target.url))
        assert len(target.asked) == 1
    assert connections == []
