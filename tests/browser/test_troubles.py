"""What goes wrong: no database, unreadable records, forms half filled, a server that ends."""

import signal
import threading
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from tests.browser.conftest import Desk, Site, served, until
from tests.browser.gate import a_gate
from tests.browser.test_deciding import LISTENING, an_order, form_of, says


def a_dead_letter(site: Site, order: str) -> int:
    """Publish an order that nobody can take; return its dead letter."""
    site.post("/api/v1/events", {"type": "order.created", "data": {"order_id": order}})
    rows = site.world.until(
        "select id from dead_letters where position(convert_to(%s, 'utf8') in value) > 0", order
    )
    return int(rows[0]["id"])


def test_without_a_database_pages_say_so_and_recover_by_themselves(desk: Desk, site: Site) -> None:
    record = an_order(site, "o-outage")
    address = urlsplit(site.world.database_url)
    with a_gate(str(address.hostname), address.port or 5432) as gate:
        url = site.world.database_url.replace(f":{address.port}/", f":{gate.port}/")
        with served(site.world, DATABASE_URL=url) as cut_off:
            away = Desk(desk.browser, cut_off.url)
            desk.contexts = away.contexts
            live, form = away.window("/"), away.window(form_of(record), "ana")
            live.wait_for_function(LISTENING)
            form.fill("#reason", "typed before it went away")
            says(live, "live")
            gate.shut()
            # Nothing changes meanwhile: the page finds out by itself.
            says(live, "not live: trying again")
            says(live, "The database cannot be reached; what you see may be old.")
            page = away.window("/executions")
            assert page.request.get(f"{cut_off.url}/executions", headers=HTML).status == 503
            says(page, "Not reachable at the moment")
            says(page, "tries again by itself")
            gate.open()
            page.wait_for_selector("h1:has-text('Executions')")
            live.wait_for_function("() => !document.querySelector('#notice').innerText")
            live.wait_for_function("() => document.querySelector('#link').innerText === 'live'")
            assert form.input_value("#reason") == "typed before it went away"
            form.click("button:has-text('Approve')")
            says(form, "Done: approved by ana")


HTML = {"accept": "text/html"}


def test_a_dead_letter_is_discarded_once_with_a_name_and_a_reason(desk: Desk, site: Site) -> None:
    letter = a_dead_letter(site, "o-discarded")
    path = f"/dead-letters/{letter}"
    page = desk.window(path)
    late = desk.window(path, "bo", java_script_enabled=False)
    page.fill("#reason", "spam")
    page.click("button:has-text('Discard')")
    says(page, "Say who you are.")
    assert page.get_attribute("#by", "aria-invalid") == "true"
    assert page.input_value("#reason") == "spam"
    page.fill("#by", "op")
    page.click("button:has-text('Discard')")
    says(page, "Discarded by op")
    says(page, "spam")
    assert page.locator("button[name=do]").count() == 0
    late.click("button:has-text('Replay')")
    assert "Somebody was faster; nothing was done." in late.inner_text("main")


def test_a_replayed_dead_letter_comes_again_if_its_cause_is_not_mended(
    desk: Desk, site: Site
) -> None:
    letter = a_dead_letter(site, "o-replayed")
    page = desk.window(f"/dead-letters/{letter}", "op")
    page.click("button:has-text('Replay')")
    says(page, "Replayed by op")
    again = site.world.until(
        "select id from dead_letters where id > %s and attempts = 2"
        " and position(convert_to('o-replayed', 'utf8') in value) > 0",
        letter,
    )
    page.goto(f"{desk.url}/dead-letters/{again[0]['id']}")
    assert page.locator("button[value=replay]").is_visible()


def test_what_was_chosen_is_kept_when_a_name_is_missing(desk: Desk, site: Site) -> None:
    asked = [site.ask("leave.requested", who=f"n{n}", days=n) for n in range(2)]
    boxes = [f"#{record['wait_id']} input[type=checkbox]" for record in asked]
    page = desk.window("/")
    page.check(boxes[0])
    page.click("text=Approve those chosen")
    says(page, "Say who you are.")
    page.wait_for_function(LISTENING)
    later = site.ask("leave.requested", who="later", days=1)
    page.wait_for_selector(f"#{later['wait_id']}")
    assert page.is_checked(boxes[0])
    assert not page.is_checked(boxes[1])
    page.uncheck(boxes[0])
    page.fill("#decided_by", "lea")
    page.click("text=Approve those chosen")
    says(page, "Choose at least one request.")


def test_the_keyboard_finds_the_search_and_its_own_help(desk: Desk) -> None:
    page = desk.window("/executions")
    page.keyboard.press("?")
    page.wait_for_selector("dialog#keys[open]")
    says(page, "down, up in a list")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog#keys", state="hidden")
    page.keyboard.press("/")
    page.keyboard.type("k-7?j")
    assert page.input_value("input[name=key]") == "k-7?j"
    other = desk.window("/health")
    other.keyboard.press("/")
    other.wait_for_url("**/executions#search")
    other.wait_for_function("() => document.activeElement.name === 'key'")


def test_a_server_that_ends_lets_its_streams_go_and_open_pages_say_so(
    desk: Desk, site: Site
) -> None:
    with served(site.world) as ending:
        away = Desk(desk.browser, ending.url)
        desk.contexts = away.contexts
        page = away.window("/")
        page.wait_for_function(LISTENING)
        says(page, "live")
        streams = [_a_stream(ending.url) for _ in range(5)]
        ending.server.send_signal(signal.SIGTERM)
        assert ending.server.wait(30) == 0
        assert "graceful shutdown exceeded" not in ending.log.read_text()
        says(page, "not live: trying again")
        until(lambda: not any(stream.is_alive() for stream in streams), "the end of the streams")


def _a_stream(url: str) -> threading.Thread:
    answer: Any = urllib.request.urlopen(f"{url}/live/inbox", timeout=20)
    assert answer.read(4)
    thread = threading.Thread(target=answer.read, daemon=True)
    thread.start()
    return thread
