"""Derived fields that come with the program (requirements.md S83, S84)."""

import pytest

from engine.derived import SHIPPED, add_shipped, shipped_fields
from tests.builders import a_definition, started


def computed(**context: object) -> dict[str, object]:
    """Return a context with all shipped fields."""
    scope = dict(context)
    add_shipped(scope, SHIPPED)
    return scope


# S83
@pytest.mark.parametrize(
    ("total", "high"),
    [(999.99, False), (1000, True), (1000.0, True), (1e9, True), (0, False), (-1, False)],
)
def test_an_order_is_of_high_value_from_a_thousand_on(total: object, high: bool) -> None:
    assert computed(order={"total": total})["order_is_high_value"] is high


# S83
@pytest.mark.parametrize("order", [None, {}, {"total": None}, {"total": "5000"}, 5000, []])
def test_an_order_without_a_number_as_total_is_not_of_high_value(order: object) -> None:
    assert computed(order=order)["order_is_high_value"] is False


# S84
@pytest.mark.parametrize(
    ("customer", "new"),
    [
        ({"history": {"orders_count": 0}}, True),
        ({"history": {"orders_count": 1}}, False),
        ({"history": {"orders_count": 12}}, False),
        ({"history": None}, True),
        ({}, True),
        (None, True),
        ({"history": {"since": "2019"}}, False),
    ],
)
def test_a_customer_without_orders_or_without_history_is_new(customer: object, new: bool) -> None:
    assert computed(customer=customer)["customer_is_new"] is new


# S84
def test_a_customer_of_whom_nothing_is_known_is_new() -> None:
    assert computed()["customer_is_new"] is True


# S83 S84
def test_only_fields_that_are_read_and_not_derived_by_the_definition_are_computed() -> None:
    paths = [("customer_is_new",), ("order_is_high_value",), ("order", "customer_is_new")]
    assert shipped_fields(paths) == ("customer_is_new", "order_is_high_value")
    assert shipped_fields(paths, own={"order_is_high_value"}) == ("customer_is_new",)
    assert shipped_fields([("order", "total"), ("steps", "customer_is_new")]) == ()


# S82 S83
def test_a_field_that_the_payload_brings_is_left_as_it_is() -> None:
    scope = computed(order={"total": 5000}, order_is_high_value="by hand")
    assert scope["order_is_high_value"] == "by hand"


# S83 S84
def test_a_definition_reads_a_shipped_field_without_deriving_it() -> None:
    definition = a_definition(
        """
        steps:
          - id: big
            condition: {order_is_high_value: {eq: true}}
            on_true: [{id: stop, block: {code: high, reason: too much}}]
        """
    )
    big, _ = started(definition, {"order": {"total": 5000}})
    small, _ = started(definition, {"order": {"total": 50}})
    assert (big.result, small.result) == ("blocked", "allowed")
    assert big.context["order_is_high_value"] is True
    assert "customer_is_new" not in big.context
