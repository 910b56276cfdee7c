"""The inbox in a terminal as an approver reads it: titles that fit, data on lines."""

from uuid import uuid4

from tests.integration.seeds import a_request
from tests.terminal import at_a_terminal
from tests.world import World

ORDER = {"customer_id": "c-77", "total": 4650, "currency": "EUR", "country": "DE"}


def test_a_long_title_is_cut_at_a_terminal_and_whole_elsewhere(shop: World) -> None:
    id = uuid4().hex
    shop.publish("order.created", {"order_id": id, **ORDER, "currency": "long " * 60 + "end"})
    waiting = shop.waiting(order_id=id)
    shown = at_a_terminal(("approvals", "list"), shop.env, columns=300)
    [row] = [line for line in shown.text.splitlines() if waiting["wait_id"] in line]
    assert "…" in row
    assert "long end" not in shown.text
    lines = shop.command("approvals", "list").stdout.splitlines()
    [whole] = [line for line in lines if waiting["wait_id"] in line]
    assert waiting["title"] in whole


def test_a_request_without_a_title_has_words_in_the_list(quiet: World) -> None:
    request = a_request(quiet, uuid4().hex)
    lines = quiet.command("approvals", "list", "--limit", "200").stdout.splitlines()
    [row] = [line.split("\t") for line in lines if request in line]
    assert row[1] == "Untitled request"


def test_what_is_decided_about_stands_on_lines_that_say_what_is_left_out(shop: World) -> None:
    id = uuid4().hex
    lines = [{"sku": "A-104", "quantity": 2}, {"sku": "B-7", "quantity": 5}]
    more = {"lines": lines, "note": "x" * 5_000, "password": "hunter2", "deep": {"er": {"n": 1}}}
    shop.publish("order.created", {"order_id": id, **ORDER, **more})
    waiting = shop.waiting(order_id=id)
    done = shop.command("approvals", "comment", waiting["wait_id"], "first\nsecond", "--by", "bo")
    assert done.returncode == 0, done.stderr
    told = shop.command("approvals", "show", waiting["wait_id"]).stdout.splitlines()
    words = [line.split() for line in told]
    assert ["currency", "EUR"] in words
    assert ["n", "1"] in words
    assert ["-", "quantity:", "5,", "sku:", "B-7"] in words
    assert any("[cut: 1,000 of 5,000 characters are shown]" in line for line in told)
    assert ["comment", "first"] in words
    assert not any("hunter2" in line for line in told)
