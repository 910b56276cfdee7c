"""A proxy carries what it is given, and misbehaves exactly as told."""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack.proxy import Proxy

LONG = 5.0


@contextlib.contextmanager
def an_echo() -> Iterator[int]:
    """Serve on a free port whatever comes back, as long as the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    clients: list[socket.socket] = []

    def answer(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            while data := client.recv(65_536):
                client.sendall(data)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                clients.append(client)
                threading.Thread(target=answer, args=(client,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    for client in clients:
        client.close()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(LONG)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with an_echo() as target, Proxy(target) as running:
        yield running


def a_client(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), LONG)


def ask(client: socket.socket, data: bytes = b"hello") -> bytes:
    """Send and return as many bytes as come back."""
    client.sendall(data)
    found = b""
    while len(found) < len(data):
        part = client.recv(65_536)
        if not part:
            return found
        found += part
    return found


def is_silent(client: socket.socket, seconds: float = 0.2) -> bool:
    client.settimeout(seconds)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(LONG)
    return False


def until_connections(proxy: Proxy, number: int) -> None:
    deadline = time.monotonic() + LONG
    while proxy.connections() != number:
        assert time.monotonic() < deadline, f"{proxy.connections()} connections, not {number}"


def test_bytes_pass_unchanged_both_ways(proxy: Proxy) -> None:
    with a_client(proxy) as client:
        data = bytes(range(256)) * 8_000
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(client.sendall, data)
            found = b""
            while len(found) < len(data):
                found += client.recv(65_536)
            sending.result(LONG)
        assert found == data
        assert proxy.accepted == 1


def test_the_end_of_a_stream_passes_too(proxy: Proxy) -> None:
    with a_client(proxy) as client:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        found = b""
        while part := client.recv(100):
            found += part
        assert found == b"last words"
    until_connections(proxy, 0)


def test_a_delay_counts_for_each_direction(proxy: Proxy) -> None:
    with a_client(proxy) as client:
        proxy.delay(0.1)
        begun = time.monotonic()
        assert ask(client) == b"hello"
        assert time.monotonic() - begun >= 0.2
        proxy.delay(0.0)
        proxy.delay(0.15, "to_client")
        begun = time.monotonic()
        assert ask(client) == b"hello"
        assert time.monotonic() - begun >= 0.15


def test_a_delay_is_no_limit_on_bandwidth(proxy: Proxy) -> None:
    with a_client(proxy) as client:
        proxy.delay(0.3, "to_server")
        begun = time.monotonic()
        for _ in range(20):
            client.sendall(b"x" * 1_000)
        found = 0
        while found < 20_000:
            found += len(client.recv(65_536))
        assert 0.3 <= time.monotonic() - begun < 3.0


def test_a_stalled_line_stays_open_and_silent_and_goes_on_when_healed(proxy: Proxy) -> None:
    with a_client(proxy) as client:
        ask(client)
        proxy.stall()
        client.sendall(b"held")
        assert is_silent(client)
        with a_client(proxy) as late:
            late.sendall(b"late")
            assert is_silent(late)
            proxy.heal()
            assert late.recv(10) == b"late"
        assert client.recv(10) == b"held"


def test_one_direction_may_stall_alone(proxy: Proxy) -> None:
    with a_client(proxy) as client:
        proxy.stall("to_client")
        client.sendall(b"asked")
        assert is_silent(client)
        proxy.heal()
        assert client.recv(10) == b"asked"


def test_a_reset_reaches_the_client_as_one_and_new_connections_work(proxy: Proxy) -> None:
    with a_client(proxy) as client:
        ask(client)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with a_client(proxy) as client:
        assert ask(client) == b"hello"


def test_a_stalled_line_can_be_reset(proxy: Proxy) -> None:
    with a_client(proxy) as client:
        ask(client)
        proxy.stall()
        client.sendall(b"held")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        until_connections(proxy, 0)


def test_a_cut_refuses_until_its_time_is_over(proxy: Proxy) -> None:
    def works() -> bool:
        with contextlib.suppress(ConnectionError), a_client(proxy) as client:
            return ask(client) == b"hello"
        return False

    assert works()
    begun = time.monotonic()
    proxy.cut(0.4)
    assert not works()
    while not works():
        assert time.monotonic() - begun < LONG
    assert time.monotonic() - begun >= 0.4


def test_healing_ends_a_cut(proxy: Proxy) -> None:
    proxy.cut(60)
    proxy.heal()
    with a_client(proxy) as client:
        assert ask(client) == b"hello"


def test_a_server_that_is_away_looks_like_one(proxy: Proxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        proxy.target = probe.getsockname()[1]
    with pytest.raises(ConnectionResetError), a_client(proxy) as client:
        client.recv(1)


@pytest.mark.parametrize("applied", [True, False])
def test_the_reply_of_a_commit_is_lost_applied_or_not(applied: bool) -> None:
    reached: list[bytes] = []
    query = b"Q" + struct.pack("!i", 11) + b"COMMIT\0"

    async def play() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(100):
                    reached.append(data)
                    writer.write(b"done")
                    await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        with Proxy(server.sockets[0].getsockname()[1]) as proxy:
            proxy.lose_commits(1, applied=applied)
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(b"begin")
            assert await reader.read(10) == b"done"
            writer.write(query)
            with pytest.raises(ConnectionResetError):
                await reader.read(10)
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(query)
            assert await reader.read(10) == b"done"
            assert proxy.lost_commits == 1
            writer.close()
        server.close()

    asyncio.run(play())
    assert reached == ([b"begin", query, query] if applied else [b"begin", query])
