"""The command line at a terminal and in pipes: tables, watching, what to type next, exit codes."""

import json
import os
import shlex
import signal
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.seeds import a_request, an_execution
from tests.integration.test_api import an_order
from tests.terminal import at_a_terminal, interrupted_once_it_shows
from tests.world import ROOT, World

NOBODY = f"exec_{'0' * 32}"
NO_REQUEST = f"w_{'0' * 32}"


def an_approval(shop: World, **more: object) -> dict[str, Any]:
    """Publish an order that waits for somebody; return its waiting record."""
    order = an_order(**more)
    shop.publish("order.created", order)
    return shop.waiting(order_id=order["order_id"])


def test_the_inbox_is_a_table_at_a_terminal_and_lines_in_a_pipe(shop: World) -> None:
    waiting = an_approval(shop)
    shown = at_a_terminal(("approvals", "list", "--limit", "200"), shop.env)
    assert shown.returncode == 0, shown.text
    for words in ("expires in", waiting["title"], "sales-manager", waiting["wait_id"]):
        assert words in shown.text
    assert "sluicegate approvals show" in shown.text
    lines = shop.command("approvals", "list", "--limit", "200").stdout.splitlines()
    [own] = [line.split("\t") for line in lines if waiting["wait_id"] in line]
    assert own[:4] == [
        waiting["wait_id"],
        waiting["title"],
        "order-approval",
        "sales-manager",
    ]


def test_a_narrow_terminal_shows_what_one_decides_by(shop: World) -> None:
    waiting = an_approval(shop)
    shown = at_a_terminal(("approvals", "list", "--limit", "200"), shop.env, columns=100)
    assert waiting["wait_id"] in shown.text
    assert "priority" not in shown.text


def test_ids_stay_whole_on_a_narrow_terminal(shop: World) -> None:
    waiting = an_approval(shop)
    for command, id in (("approvals", "wait_id"), ("executions", "execution_id")):
        shown = at_a_terminal((command, "list", "--limit", "200"), shop.env, columns=80)
        assert shown.returncode == 0
        assert waiting[id] in shown.text


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("",), 2, "the event type must have 1 to 255 characters"),
        (("a.b", "--data", '{"n": 9007199254740993}'), 1, "beyond 2^53"),
        (("a.b", "--data", '{"n": NaN}'), 2, "--data is no JSON: NaN"),
        (("a.b", "--data", '{"n": -Infinity}'), 2, "--data is no JSON: -Infinity"),
        (("a.b", "--data", '{"n": 1e999}'), 2, "--data is no JSON: 1e999"),
        (("a.b\udcff",), 2, r"the argument a.b\udcff is not UTF-8"),
        (("a.b", "--topic", "nosuch"), 3, "has no topic nosuch"),
    ],
)
def test_an_event_that_no_worker_would_take_is_not_sent(
    quiet: World, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = quiet.command("send", *arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr


def test_an_event_that_is_too_large_is_not_sent(quiet: World) -> None:
    (quiet.definitions / "large.json").write_text(json.dumps({"text": "x" * 300_000}))
    done = quiet.command("send", "a.b", "--data", f"@{quiet.definitions / 'large.json'}")
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "at most 262144 are taken" in done.stderr


def test_dead_letters_of_any_status_can_be_asked_for(quiet: World) -> None:
    assert quiet.command("dead-letters", "list", "--status", "any").returncode == 0


def test_no_colour_is_shown_where_none_is_wanted(shop: World) -> None:
    assert at_a_terminal(("workflows", "list"), shop.env).coloured
    plain = at_a_terminal(("workflows", "list"), {**shop.env, "NO_COLOR": "1"})
    assert not [code for code in plain.raw.split("\x1b[")[1:] if code[:2] in ("31", "32", "33")]


# S204
def test_a_request_is_shown_with_the_commands_that_answer_it(shop: World) -> None:
    waiting = an_approval(shop)
    shown = shop.command("approvals", "show", waiting["wait_id"]).stdout
    commands = [line for line in shown.splitlines() if line.startswith("sluicegate approvals")]
    approve = commands[0].replace("YOU", "ana").replace('"..."', "5")
    done = shop.command(*shlex.split(approve, comments=True)[1:])
    assert (done.returncode, done.stdout) == (0, "applied: approved by ana\n"), done.stderr
    assert f"sluicegate approvals reject {waiting['wait_id']}" in commands[1]


# S195
def test_lists_are_filtered_by_trigger_and_time_and_paged(quiet: World) -> None:
    label = uuid4().hex
    runs = {an_execution(quiet, f"{label}{n}", labels={label: ""}) for n in range(3)}
    asked = ("executions", "list", "--label", label, "--json")

    def listed(*more: str) -> dict[str, Any]:
        done = quiet.command(*asked, *more)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    first = listed("--trigger", "order.created", "--since", "1h", "--limit", "2")
    rest = listed("--cursor", first["next_cursor"])
    assert {row["execution_id"] for page in (first, rest) for row in page["items"]} == runs
    assert listed("--trigger", "manual")["items"] == []
    assert listed("--until", "1h")["items"] == []
    shown = at_a_terminal((*asked[:-1], "--limit", "2"), quiet.env)
    assert f"--cursor {first['next_cursor']}" in shown.text.replace("\n", "")


# S199
def test_the_trace_draws_the_path_with_what_was_not_taken_and_what_lies_ahead(shop: World) -> None:
    waiting = an_approval(shop)
    drawn = shop.command("executions", "trace", waiting["execution_id"]).stdout.splitlines()
    assert drawn[0].endswith(": paused")
    assert "started by order.created" in drawn[1]
    [manager] = [line for line in drawn if " manager " in line]
    assert manager.startswith("    … manager")
    assert "approval waiting" in manager
    assert any(line.startswith("  . accept: ahead") for line in drawn)
    assert f"sluicegate approvals show {waiting['wait_id']}" in drawn[-1]
    plain = shop.command("executions", "trace", waiting["execution_id"], PYTHONIOENCODING="ascii")
    assert "? manager" in plain.stdout, plain.stderr


def watching(world: World, *arguments: str, **env: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        env={**world.env, **env},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines_until(process: "subprocess.Popen[str]", words: str) -> list[str]:
    """Return the lines up to the first with these words."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"{words} did not come: {lines}")


# S204
def test_an_inbox_that_is_watched_tells_what_comes_and_what_is_decided(shop: World) -> None:
    customer = f"c-{uuid4().hex[:8]}"
    process = watching(shop, "approvals", "watch", "--workflow", "order-approval", "--json")
    try:
        waiting = an_approval(shop, customer_id=customer)
        came = json.loads(lines_until(process, waiting["wait_id"])[-1])
        assert (came["change"], came["request_id"]) == ("new", waiting["wait_id"])
        shop.decide(waiting, "rejected")
        gone = json.loads(lines_until(process, waiting["wait_id"])[-1])
        assert gone["change"] == "gone"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130


# S204
def test_the_inbox_stays_on_the_screen_until_ctrl_c(shop: World) -> None:
    waiting = an_approval(shop)
    shown = interrupted_once_it_shows(
        waiting["wait_id"], ("approvals", "watch", "--limit", "200"), shop.env
    )
    assert shown.returncode == 130, shown.text
    assert "expires in" in shown.text
    assert "Traceback" not in shown.text


def test_an_execution_is_followed_to_its_end_and_the_exit_code_tells_how(shop: World) -> None:
    waiting = an_approval(shop)
    process = watching(shop, "executions", "watch", waiting["execution_id"])
    lines_until(process, "approval waiting")
    shop.decide(waiting, "rejected")
    out, err = process.communicate(timeout=30)
    assert "rejected by ana@example.com" in out
    assert out.splitlines()[-1].partition(": ")[2].startswith("blocked (blocked)")
    assert (process.returncode, err) == (1, "")


def test_executions_are_watched_as_they_start(shop: World) -> None:
    order = an_order(total=20)
    process = watching(shop, "executions", "list", "--key", str(order["order_id"]), "--watch")
    try:
        shop.publish("order.created", order)
        [line] = lines_until(process, "new\t")
        assert "order-approval" in line
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


# S205
def test_the_lag_and_the_schedules_are_shown(shop: World) -> None:
    lag = json.loads(shop.command("lag", "--json").stdout)
    assert shop.events_topic in {item["topic"] for item in lag["items"]}
    assert "behind; group" in at_a_terminal(("lag",), shop.env).text
    listed = json.loads(shop.command("schedules", "list", "--json").stdout)
    assert listed["items"] == [] or "next_slot" in listed["items"][0]


# S9 S10
def test_a_schedule_is_started_by_hand_from_the_terminal(shop: World, tmp_path: Any) -> None:
    name = f"nightly-{uuid4().hex[:6]}"
    trigger = 'trigger: { schedule: { cron: "0 3 * * *" } }'
    steps = "steps:\n  - id: a\n    allow: {}\n"
    (tmp_path / "n.yaml").write_text(f"name: {name}\n{trigger}\n{steps}")
    assert shop.command("apply", str(tmp_path)).returncode == 0
    done = shop.command("schedules", "trigger", name, "--wait")
    assert (done.returncode, "completed (allowed)" in done.stdout) == (0, True), done.stderr
    listed = json.loads(shop.command("schedules", "list", "--workflow", name, "--json").stdout)
    assert [item["cron"] for item in listed["items"]] == ["0 3 * * *"]


def test_diff_tells_what_apply_would_register(shop: World, tmp_path: Any) -> None:
    name = f"w{uuid4().hex[:8]}"
    text = f"name: {name}\ntrigger: {{ event: {name} }}\nsteps:\n  - id: a\n    allow: {{}}\n"
    (tmp_path / "w.yaml").write_text(text)
    new = shop.command("diff", str(tmp_path))
    assert (new.returncode, f"{name}: new, would become version 1" in new.stdout) == (1, True)
    assert shop.command("apply", str(tmp_path)).returncode == 0
    same = shop.command("diff", str(tmp_path))
    assert (same.returncode, same.stdout) == (0, "no definition has changed\n")
    (tmp_path / "w.yaml").write_text(text.replace("id: a", "id: b"))
    changed = shop.command("diff", str(tmp_path))
    assert "-  - id: a" in changed.stdout
    assert "+  - id: b" in changed.stdout
    assert f"sluicegate apply {tmp_path}" in changed.stdout
    [change] = json.loads(shop.command("diff", str(tmp_path), "--json").stdout)["changes"]
    assert (change["workflow"], change["version"]) == (name, 2)
    rows = shop.query("select version from workflows where name = %s", name)
    assert [row["version"] for row in rows] == [1]


EXITS: list[tuple[tuple[str, ...], int, str]] = [
    (("executions", "show", NOBODY), 3, "sluicegate executions list"),
    (("executions", "trace", NOBODY), 3, "sluicegate executions list"),
    (("executions", "watch", NOBODY), 3, "sluicegate executions list"),
    (("executions", "cancel", NOBODY), 3, "sluicegate executions list"),
    (("executions", "list", "--status", "odd"), 2, "'paused'"),
    (("executions", "list", "--since", "yesterday"), 2, "--since"),
    (("executions", "list", "--cursor", "odd"), 1, "begin at the top"),
    (("approvals", "show", NO_REQUEST), 3, "sluicegate approvals list"),
    (("approvals", "approve", NO_REQUEST), 3, "sluicegate approvals list"),
    (("approvals", "approve", NO_REQUEST, "--form", "{"), 2, "--form is no JSON"),
    (("approvals", "approve", NO_REQUEST, "--form", "[]"), 2, "--form must be a JSON object"),
    (("approvals", "approve", NO_REQUEST, "--form", "@nowhere"), 2, "--form: nowhere is no file"),
    (("approvals", "list", "--status", "odd"), 2, "'pending'"),
    (("approvals", "list", "--user", "\udcff"), 2, "is not UTF-8"),
    (("workflows", "show", "nobody"), 3, "sluicegate workflows list"),
    (("workflows", "versions", "nobody"), 3, "sluicegate workflows list"),
    (("trigger", "nobody"), 3, "sluicegate workflows list"),
    (("schedules", "trigger", "nobody"), 3, "sluicegate schedules list"),
    (
        ("dead-letters", "show", "999999999"),
        3,
        "does not exist; `sluicegate dead-letters list` shows",
    ),
    (("dead-letters", "replay"), 2, "--error-type"),
    (("waits", "list", "--kind", "odd"), 2, "'timer'"),
    (("diff", "nowhere"), 1, "nowhere is no folder"),
    (("new", "Odd Name"), 2, "my-orders"),
    (("keys",), 1, "not available in this version; use acl"),
    (("audit", "verify"), 1, "not available in this version"),
    (("odd",), 2, "--help"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), EXITS)
def test_what_goes_wrong_says_what_to_type_and_has_its_exit_code(
    quiet: World, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = quiet.command(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("reading", [("lag",), ("executions", "list"), ("schedules", "list")])
def test_a_missing_database_is_named_with_a_way_out(quiet: World, reading: tuple[str, ...]) -> None:
    kept = {name: value for name, value in quiet.env.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *reading],
        env=kept,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 4
    assert "DATABASE_URL" in done.stderr
    assert "sluicegate dev" in done.stderr


def test_many_dead_letters_are_settled_with_a_bar_at_a_terminal(shop: World) -> None:
    for number in range(5):
        text = f"{{nonsense {uuid4().hex} {number}".encode()
        shop.produce(shop.events_topic, text)
        shop.dead_letter(text)
    asked = ("dead-letters", "discard", "--error-type", "invalid_json")
    done = at_a_terminal(asked, shop.env, typed="y\n")
    assert done.returncode == 0, done.text
    assert "dead letters?" in done.text
    assert "Discarding" in done.text
    assert "dead letters discarded" in done.text
    rows = shop.query("select status from dead_letters where error_type = 'invalid_json'")
    assert {row["status"] for row in rows} == {"discarded"}


def test_a_request_named_in_the_list_stays_readable_without_a_title(quiet: World) -> None:
    request = a_request(quiet, uuid4().hex)
    lines = quiet.command("approvals", "list", "--limit", "200").stdout
    assert request in lines
    assert quiet.command("approvals", "show", request).returncode == 0


def test_what_an_event_says_steers_no_terminal(shop: World) -> None:
    id = f"\x1b[31mred{uuid4().hex[:6]}"
    waiting = an_approval(shop, order_id=id)
    written_out = id.replace("\x1b", r"\x1b")
    for command in (
        ("executions", "list", "--key", id),
        ("executions", "show", waiting["execution_id"]),
        ("approvals", "list", "--limit", "200"),
        ("approvals", "show", waiting["wait_id"]),
    ):
        shown = at_a_terminal(command, shop.env, columns=250)
        assert shown.returncode == 0, shown.text
        assert id not in shown.raw
        assert written_out in shown.raw
    exact = shop.command("executions", "list", "--key", id, "--json")
    assert [row["key"] for row in json.loads(exact.stdout)["items"]] == [id]


LISTS = ("approvals", "executions", "waits", "workflows", "schedules", "dead-letters")


@pytest.mark.parametrize("listed", LISTS)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_list_whose_reader_has_enough_ends_quietly(
    quiet: World, listed: str, unbuffered: str
) -> None:
    a_request(quiet, uuid4().hex)
    end, pipe = os.pipe()
    os.close(end)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cli", listed, "list"],
            env={**quiet.env, "PYTHONUNBUFFERED": unbuffered},
            cwd=ROOT,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(pipe)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_watching_ends_when_nobody_reads_any_more(shop: World, unbuffered: str) -> None:
    process = watching(shop, "approvals", "watch", "--limit", "200", PYTHONUNBUFFERED=unbuffered)
    try:
        waiting = an_approval(shop)
        lines_until(process, waiting["wait_id"])
        assert process.stdout is not None
        process.stdout.close()
        shop.decide(waiting, "rejected")
        assert process.wait(20) == 0
    finally:
        process.kill()
        assert process.stderr is not None
        said = process.stderr.read()
        process.stderr.close()
    assert said == ""
