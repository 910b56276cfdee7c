"""Events given to `explain` and `test`: they are read as the worker would read them."""

import json
from pathlib import Path

import pytest

from cli.offline import read_event
from engine.notes import MOST_KEY_BYTES
from tests.unit.cli.rehearsed import check, said
from tests.unit.cli.test_offline_commands import sluicegate

WEBHOOK = {
    "id": "evt_1",
    "object": "event",
    "type": "charge.succeeded",
    "data": {"object": {"id": "ch_1", "amount": 2000}},
    "livemode": False,
}
"""What a payment service posts: it names its type, has `data`, and is a payload as a whole."""
CLOUD = {"specversion": "1.0", "id": "1", "source": "/s", "type": "charge.succeeded", "tenant": "t"}
BY_SUBJECT = """\
name: pictures
trigger: {event: blob.made, when: {event.meta.subject: {ends_with: .jpg}}}
steps: [{id: told, execute: [{log: {message: "${event.meta.subject}"}}]}]
"""


# S8
def test_a_payload_with_a_type_and_data_of_its_own_is_no_envelope(tmp_path: Path) -> None:
    file = tmp_path / "charges.yaml"
    file.write_text(
        "name: charges\n"
        "trigger: {event: charge.*, when: {data.object.amount: {gt: 0}, livemode: {eq: false}}}\n"
        "steps: [{id: end, allow: {}}]\n"
    )
    for more in ((), ("--type", "charge.succeeded")):
        code, out, _ = sluicegate("explain", file, "--event", json.dumps(WEBHOOK), *more)
        assert (code, out.splitlines()[0]) == (0, "charges: starts")


# S8
@pytest.mark.parametrize(
    ("said", "data"),
    [
        ({"data": {"a": 1}}, {"a": 1}),
        ({"data_base64": "eyJhIjogMX0="}, {"a": 1}),
        ({}, {}),
        ({"data": None}, {}),
    ],
)
def test_a_cloud_event_is_an_envelope(said: dict[str, object], data: dict[str, object]) -> None:
    event = read_event(json.dumps({**CLOUD, **said, "subject": "s"}), None)
    assert (event.type, event.id, event.source) == ("charge.succeeded", "1", "/s")
    assert (event.data, event.subject) == (data, "s")


def test_a_cloud_event_whose_data_no_worker_reads_is_refused() -> None:
    event = json.dumps({**CLOUD, "data": [1]})
    code, _, err = sluicegate("preview", "examples/stock-alert.yaml", "--event", event)
    assert code == 2
    assert "no worker reads this: the payload is of the type list" in err


# S8
def test_a_trigger_by_subject_is_explained_and_tested_as_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = "{event: {type: blob.made, subject: /c/a.jpg}}"
    tests = f"- {{name: one, given: {given}, expect: {{logged: [{{message: /c/a.jpg}}]}}}}\n"
    assert said(check(tmp_path, capsys, BY_SUBJECT, tests)) == []
    event = json.dumps({"type": "blob.made", "data": {}, "subject": "/c/a.jpg"})
    _, out, _ = sluicegate("explain", tmp_path / "w0.yaml", "--event", event)
    assert out.splitlines()[0] == "pictures: starts"


def test_of_several_fields_the_first_that_says_something_is_the_type() -> None:
    assert read_event('{"type": "", "event_type": "thing.one"}', None).type == "thing.one"


@pytest.mark.parametrize("event", [{"type": "x" * 256}, {"type": "x" * 256, "data": {}}])
def test_a_type_that_no_worker_takes_is_refused(event: dict[str, object]) -> None:
    code, _, err = sluicegate("explain", "examples", "--event", json.dumps(event))
    assert (code, "a type has 1 to 255 characters" in err) == (2, True)


@pytest.mark.parametrize("part", ["key: '${id}'", "concurrency: {key: '${id}', limit: 1}"])
def test_a_key_that_no_worker_takes_starts_nothing(tmp_path: Path, part: str) -> None:
    file = tmp_path / "w.yaml"
    trigger = f"{{event: a.b, {part}}}"
    file.write_text(f"name: w\ntrigger: {trigger}\nsteps: [{{id: end, allow: {{}}}}]\n")
    for bytes, starts in ((MOST_KEY_BYTES, True), (MOST_KEY_BYTES + 1, False)):
        event = json.dumps({"type": "a.b", "data": {"id": "x" * bytes}})
        _, out, _ = sluicegate("explain", file, "--event", event)
        assert (out.splitlines()[0] == "w: starts") is starts
        assert ("the key of the trigger must have at most 2000 bytes" in out) is not starts
