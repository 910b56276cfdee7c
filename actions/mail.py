"""`notify` by e-mail: one plain text message over SMTP (requirements.md S52)."""

import asyncio
import contextlib
import hashlib
import smtplib
import socket
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial

from actions.results import ActionRequest, Failed, Succeeded
from actions.threads import Threads
from actions.wording import MAX_SUBJECT, Wording
from config.connections import CONTROL, MailServer, parse_address

CONCURRENT = 8
"""Mails of one worker under way at once; each holds a thread."""
CONNECT_SECONDS = 10.0
FAREWELL_SECONDS = 2.0
MAX_RECIPIENTS = 50
MAX_ANSWER = 200
"""Characters of a server's answer that a failure repeats."""
# Only ASCII goes out, so that no server needs the extension 8BITMIME.
POLICY = SMTP.clone(cte_type="7bit")


def address(text: object) -> Address:
    """Return the one address that a text holds; raises ValueError for none, several or a trick."""
    return Address(*parse_address(text))


def recipients(to: object) -> tuple[Address, ...]:
    """Return the addresses of a `to`: a text holds one, a list many; raises ValueError."""
    texts = to if isinstance(to, list) else [to]
    if not 1 <= len(texts) <= MAX_RECIPIENTS:
        raise ValueError(f"a mail goes to 1 to {MAX_RECIPIENTS} addresses")
    return tuple(address(text) for text in texts)


def letter(
    sender: Address, to: Iterable[Address], wording: Wording, key: str, at: datetime
) -> EmailMessage:
    """Return the message; its id is the same on every attempt, so that a double can be told."""
    if CONTROL.search(wording.subject):
        raise ValueError("the subject contains a line break or control character")
    message = EmailMessage(policy=POLICY)
    message["From"] = sender
    message["To"] = tuple(to)
    message["Subject"] = wording.subject[:MAX_SUBJECT]
    message["Date"] = format_datetime(at)
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{name}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(wording.text.replace("\0", "\ufffd"))
    return message


class Mailer:
    """Sends mails over one server, each by its own connection."""

    def __init__(self, server: MailServer, sender: str, tls: ssl.SSLContext | None = None) -> None:
        self._server, self._sender = server, address(sender)
        self._tls = tls or ssl.create_default_context()
        self._threads = Threads("mail", CONCURRENT)

    @staticmethod
    def escape(text: str) -> str:
        """Return a text as it is: a plain mail has no markup."""
        return text

    async def send(self, request: ActionRequest, wording: Wording) -> Succeeded | Failed:
        """Hand the mail to the server; raises ValueError for what no mail can hold."""
        to = recipients(request.params.get("to"))
        now = datetime.now(UTC)
        message = letter(self._sender, to, wording, request.idempotency_key, now)
        session = _Session(self._server, self._tls, request.timeout)
        names = [each.addr_spec for each in to]
        try:
            refused = await self._threads.run(
                partial(session.deliver, message, self._sender.addr_spec, names)
            )
        except asyncio.CancelledError:
            session.abort()
            raise
        except OSError as problem:
            return failure(problem)
        output = {"channel": "email", "to": names, "message_id": message["Message-ID"]}
        return Succeeded({**output, "refused": refused} if refused else output)


class _Session:
    """One conversation with a mail server, in a thread of its own."""

    def __init__(self, server: MailServer, tls: ssl.SSLContext, within: timedelta) -> None:
        self._server, self._tls, self._seconds = server, tls, within.total_seconds()
        self._client: smtplib.SMTP | None = None
        self._aborted = False

    def deliver(self, message: EmailMessage, sender: str, to: list[str]) -> list[str]:
        """Return who was refused while others were taken; raises OSError, as smtplib does."""
        client = self._client = self._connected()
        try:
            if self._aborted:
                raise TimeoutError
            self._limit(client, self._seconds)
            self._secure(client)
            if self._server.user is not None:
                client.login(self._server.user, self._server.password)
            return sorted(client.send_message(message, sender, to))
        finally:
            # The mail is on its way or not, whatever comes of the farewell.
            with contextlib.suppress(OSError):
                self._limit(client, FAREWELL_SECONDS)
                client.quit()
            client.close()

    def _connected(self) -> smtplib.SMTP:
        host, port = self._server.host, self._server.port
        seconds = min(self._seconds, CONNECT_SECONDS)
        name = socket.gethostname()
        if self._server.tls == "implicit":
            return smtplib.SMTP_SSL(host, port, name, timeout=seconds, context=self._tls)
        return smtplib.SMTP(host, port, name, timeout=seconds)

    @staticmethod
    def _limit(client: smtplib.SMTP, seconds: float) -> None:
        if client.sock is not None:
            client.sock.settimeout(seconds)

    def _secure(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        wanted = self._server.tls
        if wanted == "required" or (wanted == "offered" and client.has_extn("starttls")):
            client.starttls(context=self._tls)

    def abort(self) -> None:
        """End the conversation from outside, wherever it stands."""
        self._aborted = True
        if self._client is not None and self._client.sock is not None:
            with contextlib.suppress(OSError):
                self._client.sock.shutdown(socket.SHUT_RDWR)


def failure(problem: OSError) -> Failed:
    """Return what ended the conversation; a 4xx of the server may be tried again, a 5xx not."""
    match problem:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            answers = [answer for answer, _ in refused.values()]
            text = "; ".join(f"{to}: {_text(said)}" for to, (_, said) in refused.items())
            return Failed("recipients_refused", text[:1000], all(code < 500 for code in answers))
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
            return Failed(f"smtp_{code}", f"the mail server said: {_text(said)}", code < 500)
        case smtplib.SMTPNotSupportedError():
            return Failed("smtp_not_supported", str(problem), False)
        case ssl.SSLCertVerificationError():
            return Failed("tls_failed", "the mail server's certificate is not valid for it", False)
        case ssl.SSLError():
            return Failed("tls_failed", "no TLS connection to the mail server", True)
        case smtplib.SMTPServerDisconnected() | TimeoutError():
            return Failed("connection_failed", "the mail server closed or fell silent", True)
        case _:
            kind = type(problem).__name__
            return Failed("connection_failed", f"no connection to the mail server: {kind}", True)


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:MAX_ANSWER]
