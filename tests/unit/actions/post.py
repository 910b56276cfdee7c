"""A real SMTP server on loopback that answers as told and keeps the mails it took."""

import asyncio
import base64
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it arrived: its envelope, and the bytes of the message."""

    sender: str
    to: tuple[str, ...]
    content: bytes
    encrypted: bool
    login: str | None

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def text(self) -> str:
        return str(self.message.get_content())


@dataclass(slots=True)
class PostOffice:
    """The server: what it offers, how it answers by command, and what came in."""

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    logins: tuple[str, ...] = ()
    """The `user:password` pairs that may log in; none: no login is offered."""
    answers: dict[str, list[str]] = field(default_factory=dict)
    silent: str = ""
    """A command that is never answered."""
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    fell_silent: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold one conversation."""
        try:
            await _Conversation(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.closed.set()
            writer.close()


class _Conversation:
    def __init__(
        self, office: PostOffice, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.office, self.reader, self.writer = office, reader, writer
        self.encrypted = office.implicit
        self.login: str | None = None
        self.sender, self.to = "", list[str]()

    async def run(self) -> None:
        await self.say("220 post.example ESMTP")
        while line := await self.reader.readline():
            text = line.decode("utf-8", "surrogateescape").strip()
            verb = text.partition(" ")[0].upper()
            self.office.commands.append(text)
            if verb == self.office.silent:
                self.office.fell_silent.set()
                await self.reader.read()
                return
            await self.take(verb, text)
            if verb == "QUIT":
                return

    async def say(self, *lines: str) -> None:
        for number, line in enumerate(lines, 1):
            mark = " " if number == len(lines) else "-"
            self.writer.write(f"{line[:3]}{mark}{line[4:]}\r\n".encode())
        await self.writer.drain()

    async def take(self, verb: str, text: str) -> None:
        planned = self.office.answers.get(verb)
        if planned and (answer := planned.pop(0)):
            await self.say(answer)
            return
        match verb:
            case "EHLO":
                await self.greet()
            case "STARTTLS" if self.office.tls is not None:
                await self.say("220 go ahead")
                await self.writer.start_tls(self.office.tls)
                self.encrypted = True
            case "AUTH":
                await self.authenticate(text)
            case "MAIL":
                self.sender, self.to = _address(text), []
                await self.say("250 ok")
            case "RCPT":
                self.to.append(_address(text))
                await self.say("250 ok")
            case "DATA":
                await self.receive()
            case "QUIT":
                await self.say("221 bye")
            case _:
                await self.say("250 ok" if verb in ("RSET", "NOOP", "HELO") else "502 unknown")

    async def greet(self) -> None:
        offered = []
        if self.office.tls is not None and not self.encrypted:
            offered.append("250 STARTTLS")
        if self.office.logins:
            offered.append("250 AUTH PLAIN")
        await self.say("250 post.example", *offered)

    async def authenticate(self, text: str) -> None:
        user, password = base64.b64decode(text.split()[2]).decode().split("\0")[1:]
        known = f"{user}:{password}" in self.office.logins
        self.login = user if known else None
        await self.say("235 welcome" if known else "535 5.7.8 who are you")

    async def receive(self) -> None:
        await self.say("354 go on")
        content = await self.reader.readuntil(b"\r\n.\r\n")
        body = content.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        planned = self.office.answers.get("BODY")
        if planned and (answer := planned.pop(0)):
            await self.say(answer)
            return
        taken = Mail(self.sender, tuple(self.to), body, self.encrypted, self.login)
        self.office.mails.append(taken)
        await self.say("250 taken")


def _address(text: str) -> str:
    return text.partition("<")[2].partition(">")[0]


@asynccontextmanager
async def open_office(office: PostOffice) -> AsyncIterator[PostOffice]:
    """Serve on a free port of loopback."""
    tls = office.tls if office.implicit else None
    server = await asyncio.start_server(office.serve, "127.0.0.1", 0, ssl=tls)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate for localhost that signed itself, for both sides."""

    file: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.file))


def a_certificate(folder: Path) -> Certificate:
    """Return a fresh certificate of `localhost`; skips the test where there is no openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the command openssl")
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-out", str(made.file), "-keyout", str(made.key)]
    subprocess.run(["openssl", *options.split(), *names, *files], check=True, capture_output=True)
    return made
