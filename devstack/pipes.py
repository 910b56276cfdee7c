"""One direction of a proxied connection: bytes that travel for a while, or stand still."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["to_server", "to_client"]
CHUNK = 65_536
MOST_CHUNKS = 256
"""Chunks under way in one direction; then the sender feels it, as on a real line."""
HARD_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Weather:
    """What the line does to one direction of all connections."""

    delay_seconds: float = 0.0
    moving: asyncio.Event = field(default_factory=asyncio.Event)


def cut_hard(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a reset, as a crashed machine does."""
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HARD_CLOSE)
    writer.transport.abort()


async def chunks_of(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield what comes in until the other side ends."""
    while chunk := await reader.read(CHUNK):
        yield chunk


async def carry(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    weather: Weather,
    look: Callable[[bytes], bytes | None],
) -> None:
    """Carry bytes one way until the end of the stream; `look` may take a chunk off the line."""
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MOST_CHUNKS)
    delivering = asyncio.create_task(_deliver(line, writer, weather))
    now = asyncio.get_running_loop().time
    try:
        async for chunk in chunks_of(reader):
            passed = look(chunk)
            if passed:
                await line.put((now() + weather.delay_seconds, passed))
        await line.put((now() + weather.delay_seconds, b""))
        await delivering
    finally:
        delivering.cancel()


async def _deliver(
    line: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, weather: Weather
) -> None:
    """Write each chunk when its time has come and the line moves."""
    now = asyncio.get_running_loop().time
    while True:
        due, chunk = await line.get()
        await asyncio.sleep(max(0.0, due - now()))
        await weather.moving.wait()
        if not chunk:
            writer.write_eof()
            return
        writer.write(chunk)
        await writer.drain()
