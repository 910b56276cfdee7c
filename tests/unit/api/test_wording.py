"""What pages show of texts that hide something, and of titles that show nothing."""

import pytest

from api.screens.values import rows_of
from api.screens.wording import hides, titled, visible


@pytest.mark.parametrize(
    "text",
    [
        "\u2764\ufe0f",
        "1\ufe0f\u20e3",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "plain, with ümlauts and 漢字",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
        "\u0915\u094d\u200c\u0937",
        "\u09b0\u200d\u09cd\u09af",
    ],
)
def test_emoji_and_the_joiners_of_words_are_shown_as_they_are(text: str) -> None:
    assert (visible(text), hides(text)) == (text, False)
    assert [item.note for item in rows_of({"it": text})] == [""]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ab\u200dcd", "ab[U+200D]cd"),
        ("a\ufe0f", "a[U+FE0F]"),
        ("\u0645\u200c", "\u0645[U+200C]"),
        ("\u0645\u200d\u06cc", "\u0645[U+200D]\u06cc"),
        ("\u0915\u094d\u200c\u200c\u0937", "\u0915\u094d\u200c[U+200C]\u0937"),
        ("\u2764\ufe0f\ufe0f", "\u2764\ufe0f[U+FE0F]"),
        ("\U0001f44d\u200d", "\U0001f44d[U+200D]"),
        ("\U0001f3f4\U000e0068\U000e0069\U000e007f", "\U0001f3f4[U+E0068][U+E0069][U+E007F]"),
        ("pay\u202eeem", "pay[U+202E]eem"),
        ("\u200bx\U0001f44d", "[U+200B]x\U0001f44d"),
    ],
)
def test_what_hides_something_stands_by_its_number(text: str, shown: str) -> None:
    assert (visible(text), hides(text)) == (shown, True)


@pytest.mark.parametrize("title", ["", "   ", "\u00a0\t", None])
def test_a_title_that_shows_nothing_has_words(title: str | None) -> None:
    assert titled(title) == "Untitled request"


def test_a_title_reads_as_it_is() -> None:
    assert titled(" Order o-1 ") == "Order o-1"
