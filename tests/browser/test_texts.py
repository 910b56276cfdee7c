"""Texts that pages must bear: written from the right, without a break, on a small screen."""

import urllib.request
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.conftest import Desk, Site
from tests.browser.test_deciding import form_of

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 800}}
ENDS = """element => [0, 1].map(last => {
    const words = element.firstChild, range = document.createRange();
    range.setStart(words, last ? words.length - 1 : 0);
    range.setEnd(words, last ? words.length : 1);
    return range.getBoundingClientRect().x;
})"""
"""Where the first and the last sign of an element's text stand."""
HEBREW = "\u05d3\u05e0\u05d4 42: EUR!"


def is_from_the_right(found: Any) -> bool:
    """Tell whether a text ends further left than it begins."""
    first, last = found.evaluate(ENDS)
    return bool(last < first)


def test_what_is_written_from_the_right_is_read_from_the_right(desk: Desk, site: Site) -> None:
    record = site.ask("questions.asked", title=HEBREW, said=HEBREW)
    page = desk.window("/", "ana")
    assert is_from_the_right(page.locator(f"#{record['wait_id']} a"))
    page.goto(desk.url + form_of(record))
    assert is_from_the_right(page.locator("h1"))
    assert is_from_the_right(page.locator("td", has_text=HEBREW).first)
    assert is_from_the_right(page.locator(".body p"))


def test_a_name_from_the_right_turns_nothing_of_what_stands_around_it(
    desk: Desk, site: Site
) -> None:
    record = site.ask("questions.asked", title="Names")
    site.decide(record, "\u05d3\u05e0\u05d4", "accept")
    page = desk.window(form_of(record))
    # Without isolation a number that follows the name is drawn on its other side.
    assert page.locator(".banner bdi").first.inner_text() == "\u05d3\u05e0\u05d4"
    assert not is_from_the_right(page.locator(".banner strong"))


def test_a_word_without_an_end_widens_no_page(desk: Desk, site: Site) -> None:
    text = f"name: endless\ndescription: {'w' * 200}\ntrigger: {{manual: true}}\n"
    text += "steps: [{id: done, allow: {}}]\n"
    put = urllib.request.Request(
        f"{site.url}/api/v1/workflows/endless",
        text.encode(),
        {"content-type": "application/yaml"},
        method="PUT",
    )
    urllib.request.urlopen(put, timeout=20).close()
    for path in ("/workflows", "/workflows/endless"):
        page = desk.window(path, **PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.parametrize("name", ["health", "workflows", "workflow", "inbox"])
def test_a_number_on_a_small_screen_says_what_it_counts(
    desk: Desk, screens: dict[str, str], name: str
) -> None:
    page = desk.window(screens[name], **PHONE)
    bare = "e => e.filter(td => td.innerText.trim() && !td.dataset.label).map(td => td.outerHTML)"
    numbers = page.locator(".list td.number")
    assert numbers.count() > 0
    assert numbers.evaluate_all(bare) == []


def test_the_ends_of_a_timeline_keep_apart(desk: Desk, screens: dict[str, str]) -> None:
    page = desk.window(screens["execution"], **PHONE)
    boxes = [span.bounding_box() for span in page.locator(".axis span").all()]
    for left, right in pairwise(boxes):
        apart = right["x"] - left["x"] - left["width"] >= 8
        assert apart or right["y"] >= left["y"] + left["height"] - 1
