"""Waiting records as rows: what people see keeps the order of its author."""

import json

from storage.rows import record_cell, record_of


def test_fields_keep_their_order_through_a_table_that_sorts_keys() -> None:
    record = {
        "title": "t",
        "form": {"zip": {"type": "string"}, "amount": {}, "b": {}},
        "view": {"total": 3, "currency": "EUR", "id": "o-1"},
    }
    stored = json.loads(json.dumps(record_cell(record), sort_keys=True))
    assert json.dumps(record_of(stored)["form"]) == json.dumps(record["form"])
    assert list(record_of(stored)["view"]) == ["total", "currency", "id"]
    assert record_of(stored) == record


def test_a_record_without_such_fields_is_stored_as_it_is() -> None:
    for record in ({"event": "a.b"}, {"form": {}, "view": {"one": 1}}):
        assert record_cell(record) == record
        assert record_of(record) == record
