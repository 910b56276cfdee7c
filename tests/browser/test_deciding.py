"""Deciding in a browser: windows side by side, time running out, four eyes, keys alone."""

import json
import time
import urllib.error
from typing import Any
from uuid import uuid4

import pytest

from tests.browser.conftest import Desk, Site

ORDER = {"customer_id": "c-77", "total": 4650, "currency": "EUR", "country": "DE"}
REFUND = {
    "amount": 80,
    "currency": "EUR",
    "customer_name": "Cy",
    "order_id": "o-1",
    "reason": "broken",
    "requested_by": "dora@example.com",
}
LISTENING = (
    "() => [...document.querySelectorAll('[hx-sse\\\\:connect]')].every(e => e._htmx?.sse?.reader)"
)


def an_order(site: Site, id: str) -> dict[str, Any]:
    return site.ask("order.created", order_id=id, **ORDER)


def a_refund(site: Site, id: str) -> dict[str, Any]:
    return site.ask("refund.requested", refund_id=id, **REFUND)


def form_of(record: dict[str, Any]) -> str:
    return f"/approvals/{record['wait_id']}"


def says(page: Any, text: str) -> None:
    """Wait until a page says something."""
    page.wait_for_function("text => document.body?.innerText.includes(text)", arg=text)


def test_a_decision_reaches_all_windows_and_leaves_alone_what_is_typed(
    desk: Desk, site: Site
) -> None:
    record = an_order(site, "o-live")
    inbox, other = desk.window("/"), desk.window(form_of(record), "bo")
    course = desk.window(f"/executions/{record['execution_id']}")
    for page in (inbox, other, course):
        page.wait_for_function(LISTENING)
    other.fill("#reason", "I am about to say")
    other.evaluate("document.querySelector('#reason').setSelectionRange(4, 4)")
    inbox.wait_for_selector(f"#{record['wait_id']}")
    site.decide(record, "ana@example.com")
    begun = time.monotonic()
    inbox.wait_for_selector(f"#{record['wait_id']}", state="detached")
    says(other, "Already decided by ana@example.com: approved")
    course.wait_for_function(
        "() => document.querySelector('#state').innerText.includes('completed')"
    )
    assert time.monotonic() - begun < 1.0
    assert other.input_value("#reason") == "I am about to say"
    assert other.evaluate("[document.activeElement.id, document.activeElement.selectionStart]") == [
        "reason",
        4,
    ]
    assert not other.locator("button[name=outcome]").first.is_visible()


def test_of_two_windows_that_decide_one_is_told_who_was_faster(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-race")
    # Without scripts, as somebody sees it whose page is old.
    first = desk.window(form_of(record), "ana", java_script_enabled=False)
    second = desk.window(form_of(record), "bo", java_script_enabled=False)
    second.fill("#reason", "I say no")
    first.click("text=Approve")
    assert "Done: approved by ana" in first.inner_text("main")
    second.click("button:has-text('Reject')")
    told = second.inner_text("main")
    assert "Somebody was faster; your answer changed nothing." in told
    assert "Already decided by ana: approved" in told


def test_a_form_whose_time_runs_out_says_so_and_keeps_what_is_typed(desk: Desk, site: Site) -> None:
    record = site.ask("hurry.asked", what="lunch")
    page = desk.window(form_of(record), "ana")
    stale = desk.window(form_of(record), "bo", java_script_enabled=False)
    page.fill("#reason", "well, let me think")
    says(page, "Expired: nobody decided in time")
    assert page.input_value("#reason") == "well, let me think"
    assert not page.locator("button[name=outcome]").first.is_visible()
    stale.fill("input[name='form.how_many']", "2")
    stale.click("text=Approve")
    assert "The time for this request was over before your answer came" in stale.inner_text("main")


def test_an_answer_that_comes_late_is_shown_when_it_comes(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-late-answer")
    first, second = uuid4().hex, uuid4().hex
    course = f"/executions/{record['execution_id']}"
    paths = [f"{form_of(record)}?sent={first}", f"{form_of(record)}?sent={second}"]
    faster, slower, operator = (desk.window(path) for path in (*paths, f"{course}?sent={first}"))
    for page in (faster, slower, operator):
        page.wait_for_function(LISTENING)
        says(page, "has come yet")
        assert page.locator(".note.good").count() == 0
    path = f"/api/v1{form_of(record)}/decision?wait=10"
    site.post(path, {"decision_id": first, "outcome": "approved", "decided_by": "ana"})
    says(faster, "Done: approved by ana")
    says(operator, "Command: applied")
    operator.wait_for_function("() => document.title.includes('completed')")
    with pytest.raises(urllib.error.HTTPError):
        site.post(path, {"decision_id": second, "outcome": "rejected", "decided_by": "bo"})
    says(slower, "Not accepted")


def test_who_asked_is_refused_and_keeps_what_was_typed(desk: Desk, site: Site) -> None:
    record = a_refund(site, "r-four-eyes")
    page = desk.window(form_of(record), "dora@example.com")
    says(page, "dora@example.com asked for this")
    page.fill("#reason", "it is mine")
    page.click("text=Approve")
    says(page, "Four eyes: whoever asks for something cannot approve it.")
    assert record["wait_id"] in page.url


def test_votes_are_shown_as_they_come_and_nobody_votes_twice(desk: Desk, site: Site) -> None:
    record = a_refund(site, "r-quorum")
    watching, page = desk.window(form_of(record)), desk.window(form_of(record), "ana")
    watching.wait_for_function(LISTENING)
    says(watching, "0 of 2")
    page.click("button:has-text('Approve')")
    says(page, "Your vote is counted: 1 of 2 votes")
    says(watching, "1 of 2")
    page.click("button:has-text('Approve')")
    says(page, "ana has voted already")
    site.decide(record, "bo")
    says(watching, "Already decided by bo: approved")


def test_a_request_that_is_not_the_one_shown_is_not_decided(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-changed")
    page = desk.window(form_of(record), "ana")
    page.fill("#reason", "as I read it")
    page.evaluate("document.querySelector('[name=request_hash]').value = 'sha256:other'")
    page.click("button:has-text('Approve')")
    says(page, "The request is not the one you were shown. Read it again, then decide.")
    assert page.input_value("#reason") == "as I read it"
    page.click("button:has-text('Approve')")
    says(page, "Done: approved by ana")


def test_what_does_not_exist_or_has_ended_explains_itself(desk: Desk, site: Site) -> None:
    page = desk.window("/approvals/w_none")
    says(page, "The approval request w_none does not exist.")
    record = an_order(site, "o-ended")
    stale = desk.window(form_of(record), "ana", java_script_enabled=False)
    site.post(f"/api/v1/executions/{record['execution_id']}/cancel?wait=10", {"by": "op"})
    stale.click("button:has-text('Approve')")
    assert "your answer changed nothing" in stale.inner_text("main")


def test_a_field_that_does_not_fit_is_marked_and_the_rest_is_kept(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-wrong")
    page = desk.window(form_of(record), "ana")
    page.fill("input[name='form.discount_pct']", "99")
    page.fill("#reason", "a generous one")
    page.click("button:has-text('Approve')")
    says(page, "Nothing was sent: see what is marked below.")
    field = page.locator("input[name='form.discount_pct']")
    assert field.get_attribute("aria-invalid") == "true"
    assert "At most 15." in page.inner_text("[id='form.discount_pct-error']")
    assert (field.input_value(), page.input_value("#reason")) == ("99", "a generous one")
    field.fill("9")
    page.click("button:has-text('Approve')")
    says(page, "Done: approved by ana")


def test_the_keyboard_is_enough(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-keys")
    page = desk.window("/", "ana")
    page.wait_for_selector(f"#{record['wait_id']}")
    rows = page.locator("[data-row]")
    ids = [rows.nth(n).get_attribute("id") for n in range(rows.count())]
    for _ in range(ids.index(record["wait_id"]) + 1):
        page.keyboard.press("j")
    page.keyboard.press("a")
    page.wait_for_url(f"**/approvals/{record['wait_id']}#a")
    page.wait_for_function("() => document.activeElement.dataset.answer === 'a'")
    page.keyboard.press("Enter")
    says(page, "Done: approved by ana")


def test_the_chosen_row_stays_chosen_while_others_come_and_go(desk: Desk, site: Site) -> None:
    first, second = an_order(site, "o-row-1"), an_order(site, "o-row-2")
    page = desk.window("/?workflow=order-approval", "ana")
    page.wait_for_function(LISTENING)
    page.focus(f"#{second['wait_id']} a")
    came = an_order(site, "o-row-3")
    page.wait_for_selector(f"#{came['wait_id']}")
    focused = "() => document.activeElement.closest('[data-row]').id"
    assert page.get_attribute(".current", "id") == page.evaluate(focused) == second["wait_id"]
    site.decide(second, "bo")
    page.wait_for_selector(f"#{second['wait_id']}", state="detached")
    assert page.get_attribute(".current", "id") == page.evaluate(focused) == first["wait_id"]
    page.keyboard.press("k")
    page.keyboard.press("a")
    page.wait_for_url(f"**/approvals/{came['wait_id']}#a")


def test_a_letter_typed_into_a_field_is_a_letter(desk: Desk, site: Site) -> None:
    page = desk.window(form_of(an_order(site, "o-letters")), "ana")
    page.focus("#reason")
    page.keyboard.type("a rare jar")
    assert page.input_value("#reason") == "a rare jar"
    assert page.evaluate("document.activeElement.id") == "reason"


def test_several_are_answered_at_once_where_the_definition_allows_it(
    desk: Desk, site: Site
) -> None:
    asked = [site.ask("leave.requested", who=f"w{n}", days=n) for n in range(3)]
    order = an_order(site, "o-bulk")
    page = desk.window("/", "lea")
    page.wait_for_selector(f"#{asked[2]['wait_id']}")
    assert page.locator(f"#{order['wait_id']} input[type=checkbox]").count() == 0
    for record in asked[:2]:
        page.check(f"#{record['wait_id']} input[type=checkbox]")
    page.click("text=Approve those chosen")
    says(page, "Answers sent")
    assert page.locator(".pill.applied").count() == 2
    for record in asked[:2]:
        site.world.life_cycle(record["execution_id"], "execution.completed")
    assert site.get(f"/api/v1/approvals/{asked[2]['wait_id']}")["status"] == "pending"


def test_the_button_for_several_comes_with_the_first_row_that_can_be_chosen(
    desk: Desk, site: Site
) -> None:
    page = desk.window("/?mine=true", "zoe")
    page.wait_for_function(LISTENING)
    assert page.is_hidden("text=Approve those chosen")
    asked = site.ask("leave.requested", who="alone", days=1)
    path = f"/api/v1/approvals/{asked['wait_id']}/reassign?wait=10"
    site.post(path, {"decided_by": "lea", "to": ["zoe"]})
    page.check(f"#{asked['wait_id']} input[type=checkbox]")
    page.click("text=Approve those chosen")
    says(page, "applied")


def test_one_long_title_leaves_room_for_the_rest_of_the_row(desk: Desk, site: Site) -> None:
    wide = site.ask("leave.requested", who="W" * 4_000, days=1)
    for width in (1200, 360):
        page = desk.window("/", "n" * 200, viewport={"width": width, "height": 800})
        row = page.locator(f"#{wide['wait_id']}")
        assert len(row.locator("a").inner_text()) < 250
        assert row.locator("td[data-label=Expires]").bounding_box()["x"] < width
        seen = page.evaluate("document.documentElement.scrollWidth")
        assert seen <= width
        assert row.locator(".role").bounding_box()["height"] < 40


def test_a_choice_survives_what_comes_in(desk: Desk, site: Site) -> None:
    chosen = site.ask("leave.requested", who="early", days=1)
    page = desk.window("/", "lea")
    page.wait_for_function(LISTENING)
    page.check(f"#{chosen['wait_id']} input[type=checkbox]")
    later = site.ask("leave.requested", who="late", days=1)
    page.wait_for_selector(f"#{later['wait_id']}")
    assert page.is_checked(f"#{chosen['wait_id']} input[type=checkbox]")
    assert not page.is_checked(f"#{later['wait_id']} input[type=checkbox]")


@pytest.mark.parametrize(
    ("kind", "fields", "told"),
    [
        ("Comment", {"comment-text": "please hurry"}, "please hurry"),
        ("Claim", {}, "Claimed"),
        ("Reassign", {"reassign-to": "zoe"}, "Reassigned"),
    ],
)
def test_notes_are_sent_from_the_form(
    desk: Desk, site: Site, kind: str, fields: dict[str, str], told: str
) -> None:
    record = an_order(site, f"o-{kind}")
    page = desk.window(form_of(record), "ana")
    page.click(f"summary:has-text('{kind}')")
    for name, text in fields.items():
        page.fill(f"#{name}", text)
    page.click(f"details button:has-text('{kind}')")
    says(page, "Done:")
    says(page, told)


def test_an_execution_is_held_resumed_and_cancelled_with_buttons(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-buttons")
    page = desk.window(f"/executions/{record['execution_id']}", "op")
    assert page.locator("button[value=resume]").is_disabled()
    says(page, "send a decision instead")
    for button, told in (("hold", "Hold: applied"), ("resume", "Resume: applied")):
        page.click(f"button[value={button}]")
        says(page, told)
    page.click("button[value=cancel]")
    says(page, "Cancel: applied")
    page.wait_for_function("() => document.querySelector('#state').innerText.includes('cancelled')")
    page.click("button[value=rerun]")
    page.wait_for_function("id => !location.pathname.includes(id)", arg=record["execution_id"])


def test_a_test_event_is_explained_and_sent(desk: Desk) -> None:
    page = desk.window("/workflows/order-approval")
    page.fill("#data", "{not json")
    page.click("text=What would it start?")
    page.wait_for_selector("#data-error")
    assert page.input_value("#data") == "{not json"
    page.fill("#data", '{"order_id": "o-tried"}')
    page.click("text=What would it start?")
    says(page, "It starts nothing")
    page.fill("#data", json.dumps({"order_id": "o-tried", **ORDER, "total": 5}))
    page.click("text=What would it start?")
    says(page, "It would start an execution")
    page.click("text=Send it for good")
    page.wait_for_url("**/executions/exec_*")
    says(page, "completed")


def test_new_executions_come_in_on_top(desk: Desk, site: Site) -> None:
    page = desk.window("/executions")
    page.wait_for_function(LISTENING)
    record = an_order(site, "o-on-top")
    page.wait_for_selector(f"#{record['execution_id']}")
    first = page.locator("[data-row]").first.get_attribute("id")
    assert first == record["execution_id"]


def test_a_workflow_that_no_event_starts_is_started_by_hand(desk: Desk) -> None:
    page = desk.window("/workflows/audit")
    assert page.locator("text=Send a test event").count() == 0
    page.click("button:has-text('Start it')")
    says(page, "Say who you are.")
    page.fill("#by", "ana")
    page.click("button:has-text('Start it')")
    page.wait_for_selector("#data-error:has-text('year')")
    page.fill("#data", '{"year": 2026}')
    page.click("button:has-text('Start it')")
    page.wait_for_url("**/executions/exec_*")
    says(page, "completed")


def test_a_small_screen_tells_of_which_workflow_an_execution_is(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-small")
    page = desk.window("/executions", viewport={"width": 360, "height": 800})
    row = page.locator(f"#{record['execution_id']}")
    assert row.locator("text=order-approval").is_visible()
    assert not row.locator("td[data-label=Took]").is_visible()


def test_skip_says_beforehand_that_people_are_not_skipped(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-skip")
    page = desk.window(f"/executions/{record['execution_id']}", "op")
    assert page.locator("button[value=skip]").is_disabled()
    says(page, "Skip: an approval cannot be skipped; decide it, or cancel the execution.")
