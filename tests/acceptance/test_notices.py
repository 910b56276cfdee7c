"""People are told of approvals in their chat and by e-mail, each turn once (S209, S212)."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from devstack.stack import EmbeddedStack
from tests.acceptance.test_reaching_out import open_in_thread
from tests.sink import Sink
from tests.unit.actions.post import PostOffice
from tests.world import World, a_world

DEFINITION = """
name: told
trigger: { event: told.asked }
steps:
  - id: ask
    approval:
      title: "Ask ${id}"
      users: [ana@example.com]
      remind_every: 1m
      escalate: { after: 1m, users: [boss@example.com] }
      expires_in: 1h
"""


@pytest.fixture(scope="module")
def office() -> Iterator[PostOffice]:
    with open_in_thread(PostOffice()) as running:
        yield running


@pytest.fixture(scope="module")
def telling(
    stack: EmbeddedStack, sink: Sink, office: PostOffice, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A deployment with two workers that tells a chat and the people who are asked."""
    folder = tmp_path_factory.mktemp("told")
    with a_world(
        stack,
        folder,
        {"told.yaml": DEFINITION},
        SLUICEGATE_SMTP_URL=f"smtp://127.0.0.1:{office.port}",
        SLUICEGATE_SMTP_FROM="gate@shop.example",
        SLUICEGATE_NOTIFY_SLACK_URL=f"{sink.url}/told",
        SLUICEGATE_NOTIFY_APPROVALS="slack:#approvals,email",
        SLUICEGATE_PUBLIC_URL="https://gate.example/",
    ) as running:
        running.start_worker()
        running.start_worker()
        yield running


def told(sink: Sink, id: str) -> list[str]:
    """Return the first words of what the chat was told of a request, in order."""
    texts = [call.json["text"].split("\n") for call in sink.calls_to("/told")]
    return [text[1].split(":")[0] for text in texts if id in text[1]]


def bring_forward(world: World, kind: str) -> None:
    """Let the hour come at which timers of one kind are due."""
    sql = "update timers set due_at = now() where kind = %s returning id"
    assert world.query(sql, kind)


# S209 S212
def test_every_turn_of_a_request_is_told_once_with_a_link(
    telling: World, sink: Sink, office: PostOffice
) -> None:
    id = uuid4().hex
    telling.publish("told.asked", {"id": id})
    waiting = telling.waiting(title=f"Ask {id}")
    for number, kind in enumerate(("reminder", "reminder", "escalation", "expiry"), 2):
        bring_forward(telling, kind)
        sink.wait_for_call("/told", number)
    telling.life_cycle(str(waiting["execution_id"]), "execution.blocked")
    telling.until(
        "select 1 where not exists (select from effects where status not in ('done', 'failed'))"
    )
    assert sorted(told(sink, id)) == ["escalation", "expiry", "reminder", "reminder", "request"]
    [first] = [c.json["text"] for c in sink.calls_to("/told") if "request: " in c.json["text"]]
    assert f"https://gate.example/approvals/{waiting['wait_id']}" in first
    assert first.startswith("*#approvals*")
    receivers = [mail.to for mail in office.mails if id in mail.text]
    assert receivers.count(("ana@example.com",)) == 5
    assert receivers.count(("boss@example.com",)) == 2


# S209
def test_a_decision_is_told_with_who_decided(telling: World, sink: Sink) -> None:
    id = uuid4().hex
    telling.publish("told.asked", {"id": id})
    waiting = telling.waiting(title=f"Ask {id}")
    telling.receipt(telling.decide(waiting, reason="fine"))
    telling.until(
        "select 1 where not exists (select from effects where status not in ('done', 'failed'))"
    )
    assert "decision" in told(sink, id)
    assert any(
        "approved by ana@example.com: fine" in c.json["text"] for c in sink.calls_to("/told")
    )
