"""Decision forms: every schema can be filled in, and what does not fit is said beside its field."""

from typing import Any

import pytest

from api.screens.forms import Field, errors_of, fields_of, read_answers

TITLED: dict[str, Any] = {
    "title": "Choice",
    "oneOf": [
        {"const": 2, "title": "Two"},
        {"const": "2", "title": "The text"},
        {"const": 2.5, "title": "Half more"},
        {"const": True, "title": "Yes"},
        {"const": None, "title": "Undecided"},
    ],
}
FIXED: list[tuple[dict[str, Any], str]] = [
    ({"type": "string", "default": "as it is"}, "as it is"),
    ({"type": "integer", "default": 5}, "5"),
    ({"type": "number", "default": 5.0}, "5.0"),
    ({"type": "boolean", "default": True}, "yes"),
    ({"type": "boolean", "default": False}, "no"),
    ({"type": ["string", "null"], "default": None}, "none"),
    ({"type": "array", "default": ["x", 1]}, '["x",1]'),
    ({**TITLED, "default": 2}, "Two"),
    ({"type": "string", "format": "date-time", "default": "2026-12-31T18:00:00Z"}, "2026-12-31T18"),
]


def a_record(required: tuple[str, ...] = (), **form: Any) -> dict[str, Any]:
    return {"form": form, "required_fields": list(required)}


def the_field(schema: dict[str, Any], *, required: bool = False) -> Field:
    (found,) = fields_of(a_record(("it",) if required else (), it=schema), {})
    return found


def answered(schema: dict[str, Any], text: str, *, required: bool = False) -> tuple[Any, str]:
    """Return what a text is read as, and what is said against it."""
    record = a_record(("it",) if required else (), it=schema)
    filled = read_answers(record, {"form.it": text})
    return filled.get("it"), errors_of(record, filled, partial=False).get("it", "")


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": ["integer", "null"]}, "5", 5),
        ({"type": ["number", "null"]}, "2.5", 2.5),
        ({"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]}, "4", 4),
        ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "5", 5),
        ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "true", True),
        ({"type": ["integer", "string"]}, "5", 5),
        ({"type": ["integer", "string"]}, "five", "five"),
        ({"allOf": [{"type": "integer"}]}, "5", 5),
        ({"title": "Anything"}, "5", "5"),
        ({"const": 7}, "7", 7),
        ({"enum": ["a  b", "a b"]}, '"a  b"', "a  b"),
        ({"enum": ['"x"', "x"]}, '"x"', "x"),
        ({"enum": [1, "1"]}, '"1"', "1"),
        ({"enum": [1, "1"]}, "1", 1),
        ({"enum": ["red", None, True]}, "null", None),
        ({"enum": ["red", None, True]}, "true", True),
        ({"enum": ["red", "green"]}, "red", "red"),
        ({"type": ["boolean", "null"]}, "false", False),
        (TITLED, "2", 2),
        (TITLED, '"2"', "2"),
        (TITLED, "true", True),
        (TITLED, "null", None),
        (TITLED, "Two", 2),
        ({"anyOf": TITLED["oneOf"]}, "2.5", 2.5),
        ({"type": "string", "oneOf": [{"const": "a", "title": "A"}]}, '"a"', "a"),
        ({"oneOf": [{"const": 1}, {"type": "null"}]}, "null", None),
        ({"type": "number"}, "1e3", 1000),
        ({"type": "array"}, '["x"]', ["x"]),
        ({"type": "string", "maxLength": 500}, "a\r\nb", "a\nb"),
        ({"type": "string", "format": "date-time"}, "2026-12-31T18:00", "2026-12-31T18:00:00Z"),
        (
            {"type": "string", "format": "date-time"},
            "2026-12-31T18:00+01:00",
            "2026-12-31T18:00:00+01:00",
        ),
        ({"type": "string", "format": "time"}, "18:00", "18:00:00Z"),
    ],
)
def test_what_is_typed_becomes_the_value_that_fits(
    schema: dict[str, Any], text: str, value: Any
) -> None:
    read, problem = answered(schema, text, required=True)
    assert (read, type(read), problem) == (value, type(value), "")


@pytest.mark.parametrize(
    ("schema", "text", "said"),
    [
        ({"type": "integer"}, "five", "This must be a whole number."),
        ({"type": "integer"}, "1_000", "This must be a whole number."),
        ({"type": "integer"}, "9007199254740995", "Too large"),
        ({"type": "number"}, "1e400", "This must be a number."),
        ({"type": "number", "maximum": 15}, "99", "At most 15."),
        ({"type": "number", "exclusiveMinimum": 3}, "3", "More than 3."),
        ({"type": "string", "pattern": "^x"}, "y", "This must fit the pattern ^x."),
        ({"type": "array"}, "x, y", "This is no JSON; write a list, such as"),
        ({"type": "array"}, "[9007199254740995]", "Too large"),
        ({"type": "object"}, '{"__proto__": 1}', "The key '__proto__' is reserved"),
        (
            {"type": "array", "items": {"properties": {"n": {"type": "integer"}}}},
            '[{"n": 1}, {"n": "x"}]',
            "entry 2, n: This must be a whole number.",
        ),
        ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "x", "a whole number"),
        (TITLED, "three", "Choose one of: Two, The text, Half more, Yes, Undecided."),
        (
            {"type": "integer", "anyOf": [{"const": 1, "title": "A"}, {"const": 2}]},
            "x",
            "of: A, 2.",
        ),
        ({"type": "integer", "enum": [1, 2]}, "x", "Choose one of: 1, 2."),
        ({"const": 7}, "x", "This must be 7."),
        ({"enum": ["red", None]}, "blue", "Choose one of: red, none."),
        ({"type": "string", "format": "date"}, "2026-13-45", "Write a day that there is"),
        ({"type": "string", "format": "date-time"}, "tomorrow", "Write an instant"),
        ({"type": "string", "format": "email"}, "nope", "Write an e-mail address"),
        ({"type": "string", "format": "uri"}, "javascript:alert(1)", "Write a whole address"),
    ],
)
def test_what_does_not_fit_is_said_in_words(schema: dict[str, Any], text: str, said: str) -> None:
    assert said in answered(schema, text)[1]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "default": ["x", "y"]},
        {"type": "object", "default": {"a": {"b": 1}}},
        {"type": ["integer", "null"], "default": 5},
        {"type": "boolean", "default": True},
        {"type": ["boolean", "null"], "default": None},
        {"enum": ["a  b", 2, None], "default": None},
        {"oneOf": [{"const": 1, "title": "One"}, {"const": None}], "default": 1},
        {"oneOf": [{"const": 1, "title": "One"}, {"const": None}], "default": None},
        {"anyOf": [{"type": "integer"}, {"type": "boolean"}], "default": True},
        {"type": "string", "default": "as it is"},
        {"type": "string", "format": "date-time", "default": "2026-12-31T18:00:00Z"},
        {"type": "string", "format": "time", "default": "18:00:00Z"},
    ],
)
def test_an_untouched_default_is_sent_as_it_stands_in_the_definition(
    schema: dict[str, Any],
) -> None:
    assert answered(schema, the_field(schema).value) == (schema["default"], "")


def test_a_field_that_may_be_null_may_stay_empty() -> None:
    schema = {"type": ["integer", "null"]}
    assert not the_field(schema, required=True).required
    assert answered(schema, "", required=True) == (None, "")
    assert "it" not in read_answers(a_record(it=schema), {})


def test_a_rejection_need_not_fill_what_is_required() -> None:
    record = a_record(("it",), it={"type": "integer"})
    assert errors_of(record, {}, partial=True) == {}
    assert errors_of(record, {}, partial=False) == {"it": "This must be filled in."}


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string", "format": "date-time"}, "datetime-local"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "uri"}, "url"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"type": ["integer", "number"]}, "number"),
        ({"const": 7}, "select"),
        ({"type": ["boolean", "null"]}, "select"),
        ({"type": "string", "maxLength": 300}, "textarea"),
        ({"type": ["array", "null"]}, "json"),
        ({"type": ["array", "string"]}, "text"),
        (TITLED, "select"),
        ({"anyOf": [{"const": "a"}, {"type": "string"}]}, "text"),
        ({"type": "string", "readOnly": True}, "fixed"),
        ({"type": "string", "readOnly": False}, "text"),
    ],
)
def test_a_schema_gets_a_fitting_input(schema: dict[str, Any], kind: str) -> None:
    assert the_field(schema).kind == kind


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "number", "minimum": 0, "maximum": 15}, "0 to 15"),
        (
            {"type": "number", "exclusiveMinimum": 0, "multipleOf": 5},
            "more than 0; a multiple of 5",
        ),
        ({"type": "string", "minLength": 3}, "at least 3 characters"),
        ({"type": "string", "pattern": "^x"}, "fits the pattern ^x"),
        ({"type": "array"}, 'a list in JSON, such as ["a", "b"]'),
        ({"type": "string", "format": "date-time"}, "in UTC"),
        (
            {"type": "string", "minLength": 3, "deprecated": True},
            "no longer used; at least 3 characters",
        ),
        ({"enum": ["a"], "deprecated": True}, "no longer used"),
        ({"type": "string", "minLength": 3, "readOnly": True}, ""),
    ],
)
def test_what_fits_is_told_before_anything_is_typed(schema: dict[str, Any], said: str) -> None:
    assert the_field(schema).bounds == said


def test_choices_read_as_words_and_keep_their_spaces() -> None:
    assert the_field({"enum": ["a  b", True, None]}).options == (
        ('"a  b"', "a  b"),
        ("true", "yes"),
        ("null", "none"),
    )


def test_fields_stand_as_the_author_wrote_them() -> None:
    found = fields_of(a_record(zebra={"type": "string"}, a={}, middle={}), {})
    assert [field.name for field in found] == ["zebra", "a", "middle"]


def test_choices_with_titles_show_them_and_send_their_constants() -> None:
    assert the_field(TITLED).title == "Choice"
    assert the_field(TITLED).options == (
        ("2", "Two"),
        ('"2"', "The text"),
        ("2.5", "Half more"),
        ("true", "Yes"),
        ("null", "Undecided"),
    )


def test_a_missing_choice_is_told_with_the_choices() -> None:
    assert answered(TITLED, "", required=True)[1].startswith("Choose one of: Two, The text")
    assert answered({"enum": ["a", "b"]}, "", required=True)[1] == "Choose one of: a, b."
    assert answered(TITLED, "")[1] == ""


@pytest.mark.parametrize(("schema", "text"), FIXED)
def test_what_people_only_read_shows_its_default_and_is_sent_with_it(
    schema: dict[str, Any], text: str
) -> None:
    record = a_record(("it",), it={**schema, "readOnly": True})
    (field,) = fields_of(record, {"form.it": "other"})
    filled = read_answers(record, {})
    assert field.value.startswith(text)
    assert not field.required
    assert (filled, type(filled["it"])) == ({"it": schema["default"]}, type(schema["default"]))
    assert errors_of(record, filled, partial=False) == {}


@pytest.mark.parametrize("schema", [{"default": 5}, {"const": 5}, {}])
@pytest.mark.parametrize("partial", [True, False])
def test_another_value_for_what_people_only_read_is_refused(
    schema: dict[str, Any], partial: bool
) -> None:
    record = a_record(it={"type": "integer", "readOnly": True, **schema})
    filled = read_answers(record, {"form.it": "6"})
    stays = "as shown" if schema else "empty"
    said = {"it": f"This cannot be changed: it stays {stays}."}
    assert errors_of(record, filled, partial=partial) == said


def test_the_same_value_for_what_people_only_read_is_taken() -> None:
    record = a_record(it={"type": "number", "readOnly": True, "default": 5})
    filled = read_answers(record, {"form.it": "5.0"})
    assert (filled, errors_of(record, filled, partial=False)) == ({"it": 5}, {})


@pytest.mark.parametrize("kind", ["string", "boolean"])
def test_what_people_only_read_is_left_out_where_nothing_is_given(kind: str) -> None:
    schema = {"type": kind, "readOnly": True}
    assert the_field(schema).value == ""
    assert answered(schema, "") == (None, "")
    assert "gives it no default" in answered(schema, "", required=True)[1]


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "string", "examples": ["K-12", "K-13"]}, "K-12"),
        ({"type": "integer", "examples": [5]}, "5"),
        ({"type": "object", "examples": [{"a": 1}]}, '{\n  "a": 1\n}'),
        ({"enum": ["a"], "examples": ["a"]}, ""),
        ({"type": "string", "format": "date", "examples": ["2026-12-31"]}, ""),
        ({"type": "string", "examples": "K-12"}, ""),
        ({"type": "string"}, ""),
    ],
)
def test_an_empty_input_shows_the_first_example(schema: dict[str, Any], example: str) -> None:
    assert the_field(schema).example == example
