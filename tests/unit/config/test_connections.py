"""The mail server and the hooks of chats, as settings name them (requirements.md S52)."""

import os
from pathlib import Path

import pytest

from config.connections import MailServer, check_hook, parse_mail_server
from config.errors import ConfigError
from config.settings import load_settings


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", MailServer("mail.example", 587, "offered")),
        ("smtp://mail.example:25/", MailServer("mail.example", 25, "offered")),
        ("smtp://mail.example?starttls=always", MailServer("mail.example", 587, "required")),
        ("smtp://mail.example?starttls=never", MailServer("mail.example", 587, "never")),
        ("smtp://a:b@mail.example", MailServer("mail.example", 587, "required", "a", "b")),
        (
            "smtp://a%40x:b%3A%2F@mail.example?starttls=never",
            MailServer("mail.example", 587, "never", "a@x", "b:/"),
        ),
        ("smtps://a:b@[::1]:4650", MailServer("::1", 4650, "implicit", "a", "b")),
        ("smtps://mail.example", MailServer("mail.example", 465, "implicit")),
    ],
)
def test_a_url_names_a_mail_server(url: str, server: MailServer) -> None:
    assert parse_mail_server(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://canary@mail.example",
        "smtp://",
        "smtp://canary:x@",
        "smtp://mail.example:99999",
        "smtp://mail.example:canary",
        "smtp://mail.example/canary",
        "smtp://mail.example?starttls=maybe",
        "smtp://mail.example?tls=never",
        "smtp://[canary",
    ],
)
def test_what_names_no_mail_server_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"smtp|starttls") as problem:
        parse_mail_server(url)
    assert "canary" not in str(problem.value)


@pytest.mark.parametrize("url", ["https://hooks.example/T/B/x", "http://10.0.0.7:8065/hooks/x?y=z"])
def test_a_hook_is_any_http_url(url: str) -> None:
    check_hook(url)


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example/canary", "ftp://canary", "https://", "https://a:canary@x", "http://["],
)
def test_what_is_no_hook_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="incoming webhook") as problem:
        check_hook(url)
    assert "canary" not in str(problem.value)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Run in an empty folder, with none of our variables set."""
    for name in list(os.environ):
        if name.startswith("SLUICEGATE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_channels_are_read_from_the_environment_and_from_files(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "slack").write_text("https://hooks.example/slack\n")
    (bare / "smtp").write_text("smtp://a:pass-word@mail.example\n")
    monkeypatch.setenv("SLUICEGATE_SMTP_URL_FILE", str(bare / "smtp"))
    monkeypatch.setenv("SLUICEGATE_SMTP_FROM", "gate@shop.example")
    monkeypatch.setenv("SLUICEGATE_NOTIFY_SLACK_URL_FILE", str(bare / "slack"))
    monkeypatch.setenv("SLUICEGATE_NOTIFY_TEAMS_URL", "https://hooks.example/teams")
    monkeypatch.setenv("SLUICEGATE_TEMPLATES", "words")
    monkeypatch.setenv("SLUICEGATE_SECRET_TOKEN", "token-1")
    found = load_settings()
    assert (found.smtp_from, found.templates) == ("gate@shop.example", Path("words"))
    assert set(found.hidden()) == {
        "smtp://a:pass-word@mail.example",
        "pass-word",
        "https://hooks.example/slack",
        "https://hooks.example/teams",
        "token-1",
    }
    assert "hooks.example" not in repr(found)


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("SLUICEGATE_SMTP_URL", "canary.example", r"SMTP_URL: .*smtp\[s\]://"),
        ("SLUICEGATE_NOTIFY_SLACK_URL", "canary", "NOTIFY_SLACK_URL: .*incoming webhook"),
        ("SLUICEGATE_NOTIFY_TEAMS_URL", "canary", "NOTIFY_TEAMS_URL: .*incoming webhook"),
        ("SLUICEGATE_SMTP_FROM", "a@canary, b@canary", "SMTP_FROM: .*one address"),
        ("SLUICEGATE_SMTP_URL", "smtp://canary.example", "needs SLUICEGATE_SMTP_FROM"),
    ],
)
@pytest.mark.usefixtures("bare")
def test_a_wrong_channel_names_its_variable_and_hides_its_value(
    variable: str, value: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=problem) as raised:
        load_settings()
    assert "canary" not in str(raised.value)
