"""Templates and paths: types kept, text as JSON, nothing rescanned, nothing reached but data."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.canonical import as_stored
from engine.errors import Invalid, Unresolved
from engine.paths import MISSING, lookup, parse_path
from engine.templates import compile_template

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name not in ("context", "secrets")
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
SCOPES = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)
PLAIN = st.text(max_size=12).filter(lambda text: "$" not in text)


def leaves_of(node: Any, at: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Return all values of a scope with the paths that lead to them."""
    found = [(at, node)] if at else []
    inner = dict(enumerate(node)) if isinstance(node, list) else node
    for key, value in inner.items() if isinstance(inner, dict) else ():
        found += leaves_of(value, (*at, str(key)))
    return found


# S62 S63 S76
@given(SCOPES, st.data())
def test_a_reference_leads_to_what_stands_there_with_its_type(
    scope: dict[str, Any], data: st.DataObject
) -> None:
    path, value = data.draw(st.sampled_from(leaves_of(scope)))
    text = ".".join(path)
    found = compile_template(f"${{{text}}}").render(scope)
    assert (type(found), found) == (type(value), value)
    assert lookup(scope, parse_path(text)) == value


# S62
@given(SCOPES, PLAIN, PLAIN, st.data())
def test_inside_a_text_a_value_stands_as_itself_or_as_its_json(
    scope: dict[str, Any], before: str, after: str, data: st.DataObject
) -> None:
    path, value = data.draw(st.sampled_from(leaves_of(scope)))
    template = compile_template(f"{before}-${{{'.'.join(path)}}}-{after}")
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    found = template.render(scope)
    assert isinstance(found, str)
    inner = found[len(before) + 1 : len(found) - len(after) - 1]
    if isinstance(value, str):
        assert inner == shown
    else:
        assert json.loads(inner) == as_stored(value)


# S62
@given(st.text(max_size=40))
def test_a_value_is_never_read_as_a_template_itself(hostile: str) -> None:
    scope = {"a": "${b}" + hostile, "b": "secret"}
    assert compile_template("${a}").render(scope) == "${b}" + hostile
    assert compile_template("x${a}").render(scope) == "x${b}" + hostile


# S62
@given(NAMES, SCOPES)
def test_a_name_that_is_not_there_is_named_or_replaced_by_its_default(
    name: str, scope: dict[str, Any]
) -> None:
    missing = f"{name}_gone"
    assert compile_template(f"${{{missing}:-7}}").render(scope) == 7
    try:
        compile_template(f"${{{missing}}}").render(scope)
    except Unresolved as problem:
        assert missing in str(problem)
    else:
        raise AssertionError("nothing was missing")


@given(st.text(max_size=60))
def test_any_text_is_a_template_or_is_told_why_not(text: str) -> None:
    try:
        template = compile_template(text, allow_secrets=True)
    except Invalid as problem:
        assert str(problem)
        return
    try:
        template.render({})
    except Unresolved as problem:
        assert str(problem)


@given(st.text(max_size=60), SCOPES)
def test_any_text_is_a_path_to_data_or_is_none(text: str, scope: dict[str, Any]) -> None:
    try:
        path = parse_path(text)
    except ValueError as problem:
        assert str(problem)
        return
    found = lookup(scope, path)
    assert found is MISSING or any(value is found for _, value in leaves_of(scope))
