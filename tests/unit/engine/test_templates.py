"""References in values (requirements.md D15, S62, S63, S76)."""

import pytest

from engine.conditions import compile_condition
from engine.errors import Invalid, Unresolved
from engine.paths import MISSING, lookup, parse_path
from engine.templates import Secret, SecretSlot, compile_template

SCOPE: dict[str, object] = {
    "order": {
        "id": "o-1",
        "total": 12.5,
        "count": 3,
        "paid": False,
        "note": None,
        "items": [{"sku": "a"}, {"sku": "b", "tags": ["x", "y"]}],
        "2024": "year",
        "lead-time": 5,
    },
    "context": {"not": "reachable"},
    "list": [[1, 2], [3, 4]],
}


def rendered(node: object) -> object:
    """Return a value rendered over SCOPE."""
    return compile_template(node).render(SCOPE)


# S62
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${order.total}", 12.5),
        ("${order.count}", 3),
        ("${order.paid}", False),
        ("${order.note}", None),
        ("${order.items.1}", {"sku": "b", "tags": ["x", "y"]}),
        ("${order.items}", [{"sku": "a"}, {"sku": "b", "tags": ["x", "y"]}]),
        ("${order.id}", "o-1"),
        ("${ order.id }", "o-1"),
    ],
)
def test_a_whole_reference_keeps_the_type(text: str, expected: object) -> None:
    value = rendered(text)
    assert value == expected
    assert type(value) is type(expected)


# S62
def test_a_text_reads_the_same_when_the_database_held_its_values_meanwhile() -> None:
    """jsonb keeps keys in another order, and numbers without an exponent."""
    template = compile_template("got ${order}")
    sent = template.render({"order": {"zz": 1e16, "a": -0.0, "cc": [{"y": 1, "x": 2}]}})
    again = template.render({"order": {"a": 0.0, "cc": [{"x": 2, "y": 1}], "zz": 10**16}})
    assert sent == again == 'got {"a":0.0,"cc":[{"x":2,"y":1}],"zz":10000000000000000}'


# S62
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Order ${order.id}", "Order o-1"),
        ("${order.id}${order.count}", "o-13"),
        ("${order.total} EUR", "12.5 EUR"),
        ("paid: ${order.paid}", "paid: false"),
        ("note: ${order.note}", "note: null"),
        ("tags: ${order.items.1.tags}", 'tags: ["x","y"]'),
        ("item: ${order.items.0}", 'item: {"sku":"a"}'),
        ("plain", "plain"),
        ("", ""),
        ("5 $ and {braces}", "5 $ and {braces}"),
    ],
)
def test_an_embedded_reference_becomes_text(text: str, expected: str) -> None:
    assert rendered(text) == expected


# S62
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${nowhere:-5}", 5),
        ("${nowhere:-2.5}", 2.5),
        ("${nowhere:-true}", True),
        ("${nowhere:-null}", None),
        ("${nowhere:-text}", "text"),
        ("${nowhere:-}", ""),
        ("${nowhere:-a:-b}", "a:-b"),
        ("by ${nowhere:-auto}", "by auto"),
        ("${order.count:-9}", 3),
        ("${order.paid:-true}", False),
        ("${order.items.7.sku:-none}", "none"),
    ],
)
def test_a_default_stands_in_for_what_is_missing(text: str, expected: object) -> None:
    assert rendered(text) == expected


# S62
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$${order.id}", "${order.id}"),
        ("a $${b} ${order.id}", "a ${b} o-1"),
        ("$${", "${"),
    ],
)
def test_a_doubled_dollar_is_the_text_itself(text: str, expected: str) -> None:
    assert rendered(text) == expected


# S62
@pytest.mark.parametrize(
    "path", ["nowhere", "order.nowhere", "order.items.7", "order.id.x", "order.items.sku"]
)
def test_a_missing_value_without_default_names_its_path(path: str) -> None:
    with pytest.raises(Unresolved) as caught:
        rendered({"deep": [f"see ${{{path}}}"]})
    assert caught.value.path == path
    assert path in str(caught.value)


# S62
def test_context_in_front_of_a_path_means_the_same() -> None:
    assert rendered("${context.order.total}") == rendered("${order.total}")
    assert rendered("${context}") == {"not": "reachable"}


# S62
def test_references_are_replaced_at_any_depth_and_keys_stay() -> None:
    node = {"${order.id}": [{"id": "${order.id}", "n": 1, "none": None}, ["${order.count}"]]}
    assert rendered(node) == {"${order.id}": [{"id": "o-1", "n": 1, "none": None}, [3]]}


def test_a_rendered_text_is_not_read_again() -> None:
    scope = {"a": "${b}", "b": "secret"}
    assert compile_template("${a}").render(scope) == "${b}"
    assert compile_template("<${a}>").render(scope) == "<${b}>"


# S63 S76
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("order.items.0.sku", "a"),
        ("order.items.1.tags.1", "y"),
        ("list.1.0", 3),
        ("order.2024", "year"),
        ("order.lead-time", 5),
        ("context.order.id", "o-1"),
        ("order.note", None),
    ],
)
def test_templates_and_conditions_share_one_resolver(path: str, expected: object) -> None:
    assert lookup(SCOPE, parse_path(path)) == expected
    assert rendered(f"${{{path}}}") == expected
    assert compile_condition({path: {"eq": expected}}).holds(SCOPE)


# S76
@pytest.mark.parametrize("path", ["order.nothing.x", "list.2", "order.id.0", "list.a"])
def test_what_leads_nowhere_is_missing_for_both(path: str) -> None:
    assert lookup(SCOPE, parse_path(path)) is MISSING
    assert compile_condition({path: {"eq": None}}).holds(SCOPE)
    with pytest.raises(Unresolved):
        rendered(f"${{{path}}}")


@pytest.mark.parametrize(
    "text",
    [
        "${",
        "a ${b",
        "${}",
        "${a..b}",
        "${a b}",
        "${a[0]}",
        "${a.}",
        "${1 + 1}",
        "${__import__('os')}",
    ],
)
def test_a_malformed_reference_is_refused_at_load(text: str) -> None:
    with pytest.raises(Invalid):
        compile_template(text)


def test_a_path_beyond_the_limit_is_refused() -> None:
    parse_path(".".join(["a"] * 32))
    with pytest.raises(ValueError, match="at most 32 segments"):
        parse_path(".".join(["a"] * 33))


def test_a_long_text_with_references_is_refused_and_a_plain_one_is_not() -> None:
    compile_template("a" * 10_000)
    with pytest.raises(Invalid, match="at most 8192 bytes"):
        compile_template("a" * 10_000 + "${b}")


def test_the_place_of_a_mistake_leads_down_to_it() -> None:
    with pytest.raises(Invalid) as caught:
        compile_template({"json": [1, {"x": "${"}]})
    assert caught.value.at == ("json", 1, "x")


def test_secrets_never_enter_the_rendered_value() -> None:
    node = {"h": {"authorization": "Bearer ${secrets.CRM} ${order.id}"}, "u": "${order.id}"}
    found = compile_template(node, allow_secrets=True).render_with_secrets(SCOPE)
    assert found.value == {"h": {"authorization": None}, "u": "o-1"}
    slot = SecretSlot(("h", "authorization"), ("Bearer ", Secret("CRM"), " ", "o-1"))
    assert found.secrets == (slot,)


@pytest.mark.parametrize("text", ["${secrets.A:-x}", "${secrets}", "${secrets.A.b}"])
def test_a_secret_has_a_name_and_no_default(text: str) -> None:
    with pytest.raises(Invalid, match="secrets"):
        compile_template(text, allow_secrets=True)


def test_a_secret_is_refused_where_no_action_sends_it() -> None:
    with pytest.raises(Invalid, match="only in what an action sends"):
        compile_template({"title": "${secrets.A}"})


def test_a_template_tells_what_it_reads() -> None:
    template = compile_template(["${a.b}", "${c:-1}", "${context.d.e}"])
    assert template.references == {("a", "b"), ("c",), ("d", "e")}
    assert template.needs_default == {("a", "b"), ("d", "e")}
    assert not template.is_constant
    assert compile_template({"a": ["$${x}"]}).is_constant
