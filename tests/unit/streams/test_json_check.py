"""What is said of records that hold other JSON than an object."""

import pytest

from streams.json_check import Undecodable, read_json, require_object


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "null"), ([], "list"), ("a", "text"), (1.5, "number"), (True, "boolean")],
)
def test_a_payload_that_is_no_object_is_named_as_json_does(value: object, kind: str) -> None:
    with pytest.raises(
        Undecodable, match=f"^payload_not_an_object: the payload is of the type {kind};"
    ):
        require_object(value)


# S8
@pytest.mark.parametrize("number", ["1e20", "-1E+20", "1.5e300", "9999999999999999", "1e16"])
@pytest.mark.parametrize("beside", ["", ', "b": "\\u00e9"'])
def test_a_number_beyond_2_to_the_53_is_refused_however_it_is_written(
    number: str, beside: str
) -> None:
    with pytest.raises(Undecodable, match="integer_too_large"):
        read_json(f'{{"a": {number}{beside}}}'.encode(), 100)
