"""What is said of records that hold other JSON than an object."""

import pytest

from streams.json_check import Undecodable, require_object


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "null"), ([], "list"), ("a", "text"), (1.5, "number"), (True, "boolean")],
)
def test_a_payload_that_is_no_object_is_named_as_json_does(value: object, kind: str) -> None:
    with pytest.raises(
        Undecodable, match=f"^payload_not_an_object: the payload is of the type {kind};"
    ):
        require_object(value)
