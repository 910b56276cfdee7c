"""The decision form: every field can be filled in, nothing is decided by chance or lost."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.browser.conftest import Desk, Site, served
from tests.browser.gate import a_gate
from tests.browser.test_deciding import an_order, form_of, says
from tests.browser.test_screens import LOOKS, grave_findings

HTML = {"accept": "text/html"}


def questions(site: Site, **data: object) -> dict[str, Any]:
    return site.ask("questions.asked", **{"title": "Fill this in", **data})


def decided(site: Site, record: dict[str, Any]) -> dict[str, Any]:
    """Return a decided request with its decisions."""
    found: dict[str, Any] = site.get(f"/api/v1/approvals/{record['wait_id']}")
    return found


def pressed_enter(page: Any, field: str) -> list[str]:
    """Press Enter in a field; return what the page sent meanwhile, up to a read of its own."""
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.method))
    page.fill(field, "something")
    page.press(field, "Enter")
    page.evaluate("() => fetch('/livez')")
    return [method for method in sent if method != "GET"]


def test_enter_in_a_field_decides_nothing(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-enter")
    form = desk.window(form_of(record), "ana")
    assert pressed_enter(form, "#decided_by") == []
    form.click("summary:has-text('For somebody else')")
    assert pressed_enter(form, "#on_behalf_of") == []
    course = desk.window(f"/executions/{record['execution_id']}", "op")
    assert pressed_enter(course, "#reason") == []
    site.ask("leave.requested", who="enter", days=1)
    inbox = desk.window("/", "lea")
    assert pressed_enter(inbox, "#decided_by") == []
    assert decided(site, record)["status"] == "pending"
    form.focus("button:has-text('Approve')")
    form.keyboard.press("Enter")
    says(form, "Done: approved by something")


def test_every_kind_of_field_can_be_filled_in(desk: Desk, site: Site) -> None:
    record = questions(site)
    page = desk.window(form_of(record), "ana")
    page.select_option("[name='form.zone']", label="a  b")
    page.select_option("[name='form.answer']", "7")
    for name, text in (("limit", "5"), ("either", "true"), ("day", "2026-12-31")):
        page.fill(f"[name='form.{name}']", text)
    page.fill("[name='form.at']", "2026-12-31T18:00")
    page.fill("[name='form.link']", "/orders/1")
    page.click("button:has-text('Accept')")
    says(page, "Done: accept by ana")
    rows = site.world.query("select form from decisions where form->>'link' = '/orders/1'")
    assert rows[0]["form"] == {
        "zone": "a  b",
        "answer": 7,
        "limit": 5,
        "either": True,
        "names": ["x", "y"],
        "at": "2026-12-31T18:00:00Z",
        "day": "2026-12-31",
        "link": "/orders/1",
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("big", "9007199254740995", "Too large"),
        ("names", '[{"__proto__": 1}]', "is reserved"),
        ("names", "x, y", "This is no JSON"),
        ("link", "javascript:alert(1)", "This is no uri-reference."),
    ],
)
def test_what_cannot_be_taken_is_said_beside_its_field_which_has_the_cursor(
    desk: Desk, site: Site, name: str, text: str, said: str
) -> None:
    page = desk.window(form_of(questions(site)), "ana")
    page.fill("#reason", "as agreed")
    page.fill(f"[name='form.{name}']", text)
    page.click("button:has-text('Accept')")
    page.wait_for_selector(f"[id='form.{name}-error']")
    assert said in page.inner_text(f"[id='form.{name}-error']")
    assert page.input_value(f"[name='form.{name}']") == text
    assert page.input_value("#reason") == "as agreed"
    assert page.evaluate("document.activeElement.name") == f"form.{name}"
    assert f"form.{name}-error" in page.get_attribute(f"[name='form.{name}']", "aria-describedby")


# S218
def test_topic_and_page_refuse_the_same_formats(desk: Desk, site: Site) -> None:
    record = questions(site)
    for form, field in (
        ({"day": "2026-13-45"}, "day"),
        ({"at": "tomorrow"}, "at"),
        ({"link": "JavaScript:alert(1)"}, "link"),
    ):
        receipt = site.world.receipt(site.world.decide(record, "accept", form=form))
        assert (receipt["result"], receipt["code"]) == ("refused", "invalid_form")
        assert receipt["message"].startswith(f"{field}: ") or f" {field}: " in receipt["message"]
    page = desk.window(form_of(record), "ana")
    assert page.get_attribute("[name='form.at']", "type") == "datetime-local"


def test_the_words_of_an_event_are_no_markdown(desk: Desk, site: Site) -> None:
    said = "> x\n\n# H\n[click](https://evil.example)"
    page = desk.window(form_of(questions(site, said=said)))
    assert page.locator(".body a, .body h1, .body h2, .body h3").count() == 0
    assert page.locator(".body blockquote").count() == 1
    assert "[click](https://evil.example)" in page.inner_text(".body blockquote")


def test_titles_that_show_nothing_have_words(desk: Desk, site: Site) -> None:
    record = questions(site, title="   ")
    page = desk.window(form_of(record), "ana")
    assert page.title() == "Untitled request - Sluicegate"
    assert page.inner_text("h1") == "Untitled request"
    inbox = desk.window("/")
    inbox.click(f"#{record['wait_id']} a")
    says(inbox, "Your answer")


def test_an_outcome_of_its_own_reads_as_it_was_given(desk: Desk, site: Site) -> None:
    page = desk.window(form_of(questions(site)), "ana")
    page.click("button:has-text('Stop sales')")
    says(page, "Done: stop sales by ana")
    says(page, "Already decided by ana: stop sales")
    assert page.inner_text(".facts .pill").strip() == "stop sales"


def note(page: Any, kind: str, **fields: str) -> None:
    """Send one of the small forms."""
    form = f"details:has(#{kind}-by)"
    if page.get_attribute(form, "open") is None:
        page.click(f"{form} summary")
    for name, text in fields.items():
        page.fill(f"#{kind}-{name}", text)
    page.click(f"{form} button")


def test_a_delegation_names_others_and_an_end_to_come(desk: Desk, site: Site) -> None:
    page = desk.window(form_of(an_order(site, "o-delegate")), "ana")
    note(page, "delegate", to="ana")
    says(page, "Nobody can decide on their own behalf; name somebody else.")
    note(page, "delegate", to="")
    says(page, "Name who decides on your behalf.")
    note(page, "delegate", to="zoe, yan", until="2020-01-01")
    page.wait_for_selector("#delegate-until-error")
    assert page.inner_text("#delegate-until-error") == "It lies in the past."
    assert page.input_value("#delegate-to") == "zoe, yan"
    until = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    note(page, "delegate", until=until)
    says(page, f"Done: zoe, yan may decide for ana until {until}T23:59:59Z")


def test_refused_notes_say_why_in_their_own_words(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-notes")
    page = desk.window(form_of(record), "ana")
    note(page, "comment", text=" ")
    says(page, "Write what you have to say.")
    assert page.url.endswith("/notes")
    page.goto(page.url)
    assert page.url.endswith(form_of(record))
    note(page, "reassign", to=" ")
    says(page, "Name the people or roles who shall decide instead.")
    note(page, "claim")
    says(page, "Done: claimed by ana")
    other = desk.window(form_of(record), "bo")
    note(other, "claim")
    says(other, "Ana has claimed it already.")
    assert "You may not decide" not in other.inner_text("main")


def test_parameters_that_do_not_fit_are_told_in_words(desk: Desk) -> None:
    page = desk.window("/?mine=perhaps")
    says(page, "query.mine: write true or false")
    page = desk.window("/?role=%00")
    says(page, "query.role: a NUL character is not taken")
    page = desk.window("/dead-letters/first")
    says(page, "path.id: must be a whole number")


def test_a_page_that_takes_no_such_method_names_those_it_takes(site: Site, desk: Desk) -> None:
    answer = desk.window("/me").request.delete(f"{site.url}/health", headers=HTML)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert "/health takes no DELETE, but GET, HEAD." in answer.text()
    assert "To the inbox" in answer.text()


def test_an_address_with_nothing_at_it_says_which(desk: Desk) -> None:
    says(desk.window("/nowhere"), "There is nothing at /nowhere.")


def test_what_could_not_be_sent_is_kept_and_can_be_sent_again(desk: Desk, site: Site) -> None:
    record = questions(site)
    address = urlsplit(site.world.database_url)
    with a_gate(str(address.hostname), address.port or 5432) as gate:
        url = site.world.database_url.replace(f":{address.port}/", f":{gate.port}/")
        with served(site.world, DATABASE_URL=url) as cut_off:
            away = Desk(desk.browser, cut_off.url, desk.contexts)
            form = away.window(form_of(record), "ana")
            mark = uuid4().hex
            form.fill("#reason", f"typed {mark}\nin two lines")
            form.fill("[name='form.note']", "a word")
            other = away.window(form_of(record), "bo")
            other.click("summary:has-text('Comment')")
            other.fill("#comment-text", f"said {mark}")
            gate.shut()
            note(other, "comment")
            says(other, "Nothing was sent")
            form.click("button:has-text('Accept')")
            says(form, "Nothing was sent")
            told = form.inner_text("body")
            assert mark in told
            assert "a word" in told
            assert str(gate.port) not in told
            assert str(address.hostname) not in told
            gate.open()
            other.click("text=Send it again: Comment")
            says(other, f"said {mark}")
            form.click("text=Send it again: Accept")
            says(form, "Done: accept by ana")
            says(form, f"typed {mark}")


@pytest.mark.parametrize("look", LOOKS)
def test_a_form_with_every_kind_of_field_is_accessible_filled_in_wrongly_too(
    desk: Desk, site: Site, look: str
) -> None:
    page = desk.window(form_of(questions(site)), "ana", **LOOKS[look])
    assert grave_findings(page) == []
    page.fill("[name='form.names']", "x, y")
    page.fill("[name='form.limit']", "1")
    page.click("button:has-text('Accept')")
    says(page, "Nothing was sent")
    assert page.inner_text("[id='form.limit-error']") == "At least 3."
    assert grave_findings(page) == []


def test_the_address_of_a_choice_that_was_refused_leads_to_the_inbox(desk: Desk) -> None:
    page = desk.window("/bulk?mine=true")
    assert page.url == f"{desk.url}/?mine=true"
