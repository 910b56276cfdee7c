"""E-mail as a mail server sees it (requirements.md S52)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from actions.channels import Channels, channels_of
from actions.mail import Mailer
from actions.registry import Actions
from actions.results import ActionRequest, Failed, Succeeded
from actions.wording import Wording
from config.connections import MailServer, parse_mail_server
from config.settings import Settings
from tests.unit.actions.post import Certificate, PostOffice, a_certificate, open_office
from tests.unit.actions.target import asking, loaded

FROM = "Order desk <gate@shop.example>"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return a_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    async with open_office(PostOffice()) as running:
        yield running


@asynccontextmanager
async def mailing(office: PostOffice, folder: Path = Path("nowhere")) -> AsyncIterator[Actions]:
    """Load all actions with this mail server."""
    channels = Channels(MailServer("127.0.0.1", office.port, "offered"), FROM, templates=folder)
    async with loaded(channels=channels) as actions:
        yield actions


def by_mail(**params: Any) -> ActionRequest:
    """Return a request for a mail to Ana."""
    mail = {"channel": "email", "to": "ana@example.com", "message": "Hello"}
    return asking("notify", **{**mail, **params})


def failed(result: Succeeded | Failed) -> Failed:
    assert isinstance(result, Failed), result
    return result


def mailer(office: PostOffice, url: str, certificate: Certificate) -> Mailer:
    return Mailer(parse_mail_server(url.format(office.port)), FROM, certificate.client())


# S52
async def test_a_mail_arrives_with_its_text_and_says_that_a_program_sent_it(
    office: PostOffice,
) -> None:
    async with mailing(office) as actions:
        text = "Order o-1 is late.\n\n.\nGrüße"
        result = await actions.perform(by_mail(message=text))
    (mail,) = office.mails
    message = mail.message
    assert (mail.sender, mail.to) == ("gate@shop.example", ("ana@example.com",))
    assert (str(message["From"]), str(message["To"])) == (FROM, "ana@example.com")
    assert message["Subject"] == "Order o-1 is late."
    assert mail.text.splitlines() == text.splitlines()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime is not None
    assert mail.content.isascii()
    assert result == Succeeded(
        {"channel": "email", "to": ["ana@example.com"], "message_id": message["Message-ID"]}
    )


async def test_the_subject_of_a_message_is_its_first_line_without_control_characters(
    office: PostOffice,
) -> None:
    async with mailing(office) as actions:
        await actions.perform(by_mail(message="\r\n Late:\to-1\u202e\x07 \nmore"))
    assert office.mails[0].message["Subject"] == "Late: o-1"


# S52
async def test_a_template_of_the_deployer_words_the_mail(
    office: PostOffice, tmp_path: Path
) -> None:
    (tmp_path / "order-accepted.email.txt").write_text(
        "Subject: Order ${order.id} for ${name:-you}\n\nTotal: ${order.total}\n$${literal}\n",
        "utf-8",
    )
    data = {"order": {"id": "ö-1", "total": 12.5}, "secret": "${secrets.X}"}
    async with mailing(office, tmp_path) as actions:
        await actions.perform(by_mail(message=None, template="order-accepted", data=data))
    (mail,) = office.mails
    assert mail.message["Subject"] == "Order ö-1 for you"
    assert mail.text.splitlines() == ["Total: 12.5", "${literal}"]


# S52
async def test_without_a_template_file_the_data_is_listed(office: PostOffice) -> None:
    async with mailing(office) as actions:
        data = {"why": "too late", "days": [1, 2]}
        await actions.perform(by_mail(message=None, template="refund-refused", data=data))
    (mail,) = office.mails
    assert mail.message["Subject"] == "Refund refused"
    assert mail.text.splitlines() == ["Refund refused", "", "why: too late", "days: [1,2]"]


# S52
async def test_all_attempts_carry_the_same_message_id(office: PostOffice) -> None:
    async with mailing(office) as actions:
        for attempt in (1, 2):
            await actions.perform(by_mail(attempt=attempt))
    first, second = office.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert str(first.message["Message-ID"]).endswith("@shop.example>")


async def test_a_list_of_addresses_is_one_mail_to_all(office: PostOffice) -> None:
    async with mailing(office) as actions:
        to = ["Ana, B. <ana@example.com>", "bo@bücher.example"]
        await actions.perform(by_mail(to=to))
    (mail,) = office.mails
    assert mail.to == ("ana@example.com", "bo@xn--bcher-kva.example")


# S52
@pytest.mark.parametrize(
    "params",
    [
        {"to": "ana@example.com\r\nBcc: eve@example.com"},
        {"to": "ana@example.com\nX: y"},
        {"to": "ana@example.com, eve@example.com"},
        {"to": "ana@example.com> SIZE=1\r\nRCPT TO:<eve@example.com"},
        {"to": "ana"},
        {"to": ""},
        {"to": None},
        {"to": []},
        {"to": 5},
        {"to": ["ana@example.com", "x"]},
        {"to": ["ana@example.com"] * 51},
        {"to": "a@" + "x" * 64 + ".example"},
        {"message": " "},
        {"message": None},
        {"message": None, "template": "../../etc/passwd"},
        {"message": None, "template": "broken"},
        {"message": None, "template": "missing-value", "data": {}},
        {"message": None, "template": "asks-secret", "data": {}},
        {"message": None, "template": "latin", "data": {}},
        {"message": None, "template": "large", "data": {}},
        {"message": None, "template": "fine", "data": ["no", "mapping"]},
        {"message": None, "template": "injects", "data": {"a": "x\r\nBcc: eve@example.com"}},
        {"message": None, "template": "injects", "data": {"a": "x\x85y"}},
        {"message": None, "template": "injects", "data": {"a": "x\u202ey"}},
    ],
)
async def test_what_no_mail_can_hold_fails_for_good_before_anything_is_sent(
    params: dict[str, object], office: PostOffice, tmp_path: Path
) -> None:
    for name, content in {
        "broken": b"Subject: ${a",
        "missing-value": b"Subject: x\n\n${gone}",
        "asks-secret": b"${secrets.TOKEN}",
        "latin": b"gr\xfc\xdfe",
        "large": b"x" * 70_000,
        "injects": b"Subject: Hello ${a}\n\ntext",
    }.items():
        (tmp_path / f"{name}.email.txt").write_bytes(content)
    async with mailing(office, tmp_path) as actions:
        result = failed(await actions.perform(by_mail(**params)))
    assert (result.code, result.retryable) == ("invalid_notification", False)
    assert office.commands == []


async def test_a_broken_template_is_named_with_its_line(office: PostOffice, tmp_path: Path) -> None:
    (tmp_path / "t.email.txt").write_text("Subject: x\n\n${gone}")
    async with mailing(office, tmp_path) as actions:
        result = failed(await actions.perform(by_mail(message=None, template="t")))
    assert result.message.startswith("t.email.txt:3: ${gone} has no value")


# S52
@pytest.mark.parametrize(
    ("answers", "code", "retryable"),
    [
        ({"RCPT": ["550 no such user"]}, "recipients_refused", False),
        ({"RCPT": ["451 greylisted"]}, "recipients_refused", True),
        ({"MAIL": ["553 not you"]}, "smtp_553", False),
        ({"DATA": ["452 full"]}, "smtp_452", True),
        ({"BODY": ["554 looks like spam"]}, "smtp_554", False),
        ({"BODY": ["421 going down"]}, "smtp_421", True),
    ],
)
async def test_a_server_that_refuses_for_now_is_tried_again_and_one_that_refuses_for_good_is_not(
    answers: dict[str, list[str]], code: str, retryable: bool, office: PostOffice
) -> None:
    office.answers = answers
    async with mailing(office) as actions:
        result = failed(await actions.perform(by_mail()))
    assert (result.code, result.retryable) == (code, retryable)
    assert next(iter(answers.values())) == []
    assert office.mails == []


async def test_a_mail_that_some_were_refused_is_sent_and_names_them(office: PostOffice) -> None:
    office.answers = {"RCPT": ["", "550 no such user"]}
    async with mailing(office) as actions:
        to = ["ana@example.com", "gone@example.com"]
        result = await actions.perform(by_mail(to=to))
    assert isinstance(result, Succeeded)
    assert isinstance(result.output, dict)
    assert result.output["refused"] == ["gone@example.com"]
    assert office.mails[0].to == ("ana@example.com",)


async def test_a_mail_that_was_taken_is_sent_whatever_comes_of_the_farewell(
    office: PostOffice,
) -> None:
    office.answers = {"QUIT": ["421 enough"]}
    async with mailing(office) as actions:
        result = await actions.perform(by_mail())
    assert isinstance(result, Succeeded)


async def test_a_server_that_falls_silent_is_a_timeout_and_let_go(office: PostOffice) -> None:
    office.silent = "RCPT"
    async with mailing(office) as actions:
        result = failed(await actions.perform(by_mail(timeout=0.3)))
        assert (result.code, result.retryable) == ("timeout", True)
        await asyncio.wait_for(office.closed.wait(), 5)


async def test_cancelling_an_attempt_ends_the_conversation_at_once(office: PostOffice) -> None:
    office.silent = "DATA"
    async with mailing(office) as actions:
        task = asyncio.create_task(actions.perform(by_mail(timeout=30)))
        await asyncio.wait_for(office.fell_silent.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(office.closed.wait(), 5)


async def test_a_server_that_is_not_there_may_be_tried_again(unused_tcp_port: int) -> None:
    async with mailing(PostOffice(port=unused_tcp_port)) as actions:
        result = failed(await actions.perform(by_mail()))
    assert (result.code, result.retryable) == ("connection_failed", True)
    assert "127.0.0.1" not in result.message


# S52
@pytest.mark.parametrize(
    ("url", "implicit"),
    [
        ("smtp://ana:p%40ss@localhost:{}", False),
        ("smtps://ana:p%40ss@localhost:{}", True),
        ("smtp://ana:p%40ss@localhost:{}?starttls=always", False),
    ],
)
async def test_a_login_is_sent_over_tls(url: str, implicit: bool, certificate: Certificate) -> None:
    office = PostOffice(certificate.server(), implicit, logins=("ana:p@ss",))
    async with open_office(office):
        sender = mailer(office, url, certificate)
        await sender.send(by_mail(), Wording("s", "t"))
    (mail,) = office.mails
    assert (mail.encrypted, mail.login) == (True, "ana")


async def test_a_password_is_not_sent_to_a_server_without_tls(certificate: Certificate) -> None:
    async with open_office(PostOffice(logins=("ana:secret",))) as office:
        sender = mailer(office, "smtp://ana:secret@localhost:{}", certificate)
        result = failed(await sender.send(by_mail(), Wording("s", "t")))
    assert (result.code, result.retryable) == ("smtp_not_supported", False)
    assert not any(command.startswith(("AUTH", "MAIL")) for command in office.commands)


async def test_a_mail_without_login_is_encrypted_where_the_server_offers_it(
    certificate: Certificate,
) -> None:
    async with open_office(PostOffice(certificate.server())) as office:
        for url in ("smtp://localhost:{}", "smtp://localhost:{}?starttls=never"):
            sender = mailer(office, url, certificate)
            await sender.send(by_mail(), Wording("s", "t"))
    assert [mail.encrypted for mail in office.mails] == [True, False]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_server_with_a_certificate_of_another_name_or_maker_gets_nothing(
    host: str, certificate: Certificate
) -> None:
    async with open_office(PostOffice(certificate.server(), implicit=True)) as office:
        server = MailServer(host, office.port, "implicit")
        tls = None if host == "localhost" else certificate.client()
        sender = Mailer(server, FROM, tls)
        result = failed(await sender.send(by_mail(), Wording("s", "t")))
    assert (result.code, result.retryable, office.mails) == ("tls_failed", False, [])


async def test_a_refused_login_is_a_failure_for_good_that_does_not_show_the_password(
    certificate: Certificate,
) -> None:
    office = PostOffice(certificate.server(), implicit=True, logins=("ana:other",))
    async with open_office(office):
        sender = mailer(office, "smtps://ana:secret@localhost:{}", certificate)
        result = failed(await sender.send(by_mail(), Wording("s", "t")))
    assert (result.code, result.retryable) == ("smtp_535", False)
    assert "secret" not in result.message


async def test_the_password_of_the_mail_server_is_masked_in_results(office: PostOffice) -> None:
    office.answers = {"MAIL": ["550 hunter22 is a bad password"]}
    server = MailServer("127.0.0.1", office.port, "never", None, "hunter22")
    async with loaded(channels=Channels(server, FROM)) as actions:
        result = failed(await actions.perform(by_mail()))
    assert result.message == "the mail server said: *** is a bad password"


async def test_a_channel_that_is_not_configured_names_its_setting() -> None:
    async with loaded() as actions:
        results = [
            failed(await actions.perform(by_mail(channel=channel)))
            for channel in ("email", "slack", "teams", "pigeon")
        ]
    assert [(each.code, each.retryable) for each in results] == [
        ("channel_not_configured", False),
        ("channel_not_configured", False),
        ("channel_not_configured", False),
        ("channel_not_available", False),
    ]
    for each, name in zip(results, ("SMTP_URL", "SLACK_URL", "TEAMS_URL", "kafka"), strict=True):
        assert name in each.message


def test_the_settings_name_the_channels() -> None:
    settings = Settings(
        smtp_url=SecretStr("smtps://gate:secret@mail.example"),
        smtp_from=FROM,
        notify_slack_url=SecretStr("https://hooks.example/T/B/x"),
        templates=Path("words"),
    )
    channels = channels_of(settings)
    assert channels.mail == MailServer("mail.example", 465, "implicit", "gate", "secret")
    assert (channels.sender, channels.templates) == (FROM, Path("words"))
    assert set(channels.hooks) == {"slack"}
    assert "secret" not in repr(channels)
