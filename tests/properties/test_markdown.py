"""Values in an author's Markdown read as they are and change nothing of its structure."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it.token import Token

from api.screens.markdown import markdown, reader
from engine.templates import compile_markdown

TEXTS = st.text("ab1 \n\t#>-+*_=~`|[]():!<>&;.\\/\"'lt", max_size=30)
BODIES = (
    "${x}",
    "Reason: ${x}.",
    "> ${x}",
    "> - ${x}",
    "- ${x}\n- b",
    "7. ${x}",
    "# Order ${x}\n\nbelow",
    "Order ${x}\n\nbelow",
    "**${x}** and _so_",
    "~~a~~ ${x} ~~b~~",
    "| a | b |\n|---|---|\n| ${x} | 2 |\n",
)


def structure(text: str) -> list[str]:
    """Return what a text in Markdown is made of, without its words."""
    return [
        token.type
        for block in reader().parse(text)
        for token in (block.children if block.children is not None else [block])
        if token.type not in ("text", "softbreak", "text_special")
    ]


def words(text: str) -> str:
    """Return what is read of a text in Markdown, each space as one."""

    def of(token: Token) -> str:
        inner = "".join(map(of, token.children or ()))
        return " " if token.type == "softbreak" else inner or token.content

    return " ".join("".join(map(of, reader().parse(text))).split())


def rendered(body: str, **values: str) -> str:
    text = compile_markdown(body, []).render(values)
    assert isinstance(text, str)
    return text


@given(TEXTS.filter(lambda text: text.strip()))
@example("> x\n\n# H\n[click](https://evil.example)")
@example("a\n---")
@example("---|---")
@example("<https://evil.example>")
@example("&lt;")
@pytest.mark.parametrize("body", BODIES)
def test_a_value_reads_as_it_is_and_makes_no_structure(body: str, value: str) -> None:
    text = rendered(body, x=value)
    assert structure(text) == structure(rendered(body, x="word"))
    assert " ".join(value.split()) in words(text)


@given(TEXTS, TEXTS)
@example("[click]", "https://evil.example")
@example("<", "https://evil.example>")
@example("\\", "*")
@pytest.mark.parametrize("body", ["a ${x}${y}", "a ${x}(${y})"])
def test_two_values_make_no_link_together(body: str, one: str, other: str) -> None:
    assert "link_open" not in structure(rendered(body, x=one, y=other))


@pytest.mark.parametrize(
    "value",
    [
        "1,234.50 EUR",
        "-5 %",
        "ana.b+c_d@example.com",
        "first_name",
        "2026-11-29",
        "R&D, O'Neill & Sons",
        "a < b, 5 * 3",
        "[urgent] call #12 ~5 min",
        "C:\\temp\\new",
        "https://shop.example/o_1?c=d&e=f",
        '["pen","cup"]',
    ],
)
def test_ordinary_texts_stay_as_they_are(value: str) -> None:
    assert rendered("Order: ${x}", x=value) == f"Order: {value}"


def test_what_the_author_writes_stays_markdown() -> None:
    html = markdown(rendered("**${x}**\n\n- [order](https://shop.example/${x})", x="o-1"))
    assert "<strong>o-1</strong>" in html
    assert '<a href="https://shop.example/o-1"' in html
    assert re.search(r"<li>\s*<a ", html)
