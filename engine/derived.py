"""Derived fields that definitions may read without deriving them (requirements.md S83, S84)."""

from collections.abc import Collection, Iterable, Mapping

from engine.conditions import Condition, compile_condition
from engine.paths import Path

HIGH_VALUE = 1000

SHIPPED: Mapping[str, Condition] = {
    "customer_is_new": compile_condition(
        {
            "any": [
                {"customer.history": {"exists": False}},
                {"customer.history.orders_count": {"eq": 0}},
            ]
        }
    ),
    "order_is_high_value": compile_condition({"order.total": {"gte": HIGH_VALUE}}),
}


def shipped_fields(paths: Iterable[Path], own: Collection[str] = ()) -> tuple[str, ...]:
    """Return the shipped fields that some paths read, without those that a definition derives."""
    read = {path[0] for path in paths}
    return tuple(name for name in SHIPPED if name in read and name not in own)


def add_shipped(scope: dict[str, object], names: Iterable[str]) -> None:
    """Compute shipped fields into a context; what the payload or a resource brought stays."""
    for name in names:
        if name not in scope:
            scope[name] = SHIPPED[name].holds(scope)
