"""Many windows, and somebody who has only a keyboard: what stays live, where the focus goes."""

import pytest

from tests.browser.conftest import Desk, Site
from tests.browser.test_deciding import LISTENING, a_refund, an_order, form_of, says

BEHIND = "Object.defineProperty(document, 'hidden', { get: () => !window.lookedAt });"
"""What a browser tells the page in a tab that was opened behind another; headless it never does."""
LOOKED_AT = "() => { lookedAt = true; document.dispatchEvent(new Event('visibilitychange')); }"


def test_requests_opened_in_tabs_behind_all_load_and_listen_once_looked_at(
    desk: Desk, site: Site
) -> None:
    records = [an_order(site, f"o-tab-{n}") for n in range(8)]
    first = desk.window("/", "ana")
    tabs = []
    for record in records:
        tab = first.context.new_page()
        tab.add_init_script(BEHIND)
        tab.goto(desk.url + form_of(record), timeout=10_000)
        tabs.append(tab)
    last = tabs[-1]
    assert last.locator("#decide").is_visible()
    last.evaluate(LOOKED_AT)
    last.wait_for_function(LISTENING)
    site.decide(records[-1], "bo")
    says(last, "Already decided by bo: approved")


@pytest.mark.parametrize("button", ["button[value=cancel]", "button[value=approved]"])
def test_the_focus_of_a_button_that_has_no_more_use_goes_to_what_has_changed(
    desk: Desk, site: Site, button: str
) -> None:
    record = an_order(site, f"o-{button[13:]}")
    course = f"/executions/{record['execution_id']}"
    page = desk.window(course if "cancel" in button else form_of(record), "op")
    page.wait_for_function(LISTENING)
    page.focus(button)
    site.decide(record, "ana")
    page.wait_for_function("() => document.activeElement.id === 'state'")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_keys_do_nothing_behind_the_help_about_them(desk: Desk, site: Site) -> None:
    a_refund(site, "r-behind-help")
    page = desk.window("/", "ana")
    page.wait_for_function(LISTENING)
    page.keyboard.press("j")
    page.keyboard.press("?")
    for key in ("k", "a", "r", "o", "/"):
        page.keyboard.press(key)
    assert page.evaluate("[document.activeElement.textContent, location.hash]") == ["Close", ""]
    page.keyboard.press("Escape")
    page.keyboard.press("o")
    page.wait_for_url("**/approvals/*")
    assert "#" not in page.url
