"""Whatever is written in a definition file: mistakes with a place, never a crash."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions.definitions import examine
from config.documents import parse_document

ROOT = Path(__file__).parents[4]
FILES = [*(ROOT / "examples").glob("*.yaml"), *(ROOT / "tests/corpus/definition/good").iterdir()]
TEXTS = [path.read_text("utf-8") for path in sorted(FILES)]
BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
SHREDS = ("{", "}", "[", "]", ": ", "- ", "\n", "\t", "&a ", "*a", "<<: ", "!!x ", "${", '"', "'")
WORDS = ("id", "steps", "on_true", "approval", "execute", "${a.b}", "${steps.x}", "5d", "all")

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


def check(text: str) -> None:
    """Examine a text; every mistake stands at a place of the text, and says something."""
    definition, mistakes, warnings = examine(text, file="f.yaml")
    assert definition is not None or mistakes
    lines = len(BREAK.split(text))
    for found in (*mistakes, *warnings):
        assert 1 <= found.line <= lines
        assert found.column >= 1
        assert found.problem


@QUICK
@given(st.sampled_from(TEXTS), st.data())
def test_a_text_with_shreds_in_it_is_examined(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 20, len(text))))
        text = text[:start] + data.draw(st.sampled_from(SHREDS) | st.text(max_size=5)) + text[end:]
    check(text)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of a value with each of its keys."""
    keys: Any = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


@QUICK
@given(st.sampled_from(TEXTS), st.data())
def test_a_definition_with_a_foreign_value_in_it_is_examined(
    text: str, data: st.DataObject
) -> None:
    # Through JSON, so that what an anchor shares becomes values of their own.
    body = json.loads(json.dumps(parse_document(text)[0]))
    container, key = data.draw(st.sampled_from(list(places(body))))
    container[key] = data.draw(values)
    check(json.dumps(body))
