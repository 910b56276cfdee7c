"""What people fill in is judged by its format too, wherever it comes from."""

import pytest

from cli.testing.schemas import problem_of_form
from streams.schemas import Schemas, compile_schema, first_problem

RECORD: dict[str, object] = {
    "form": {
        "day": {"format": "date"},
        "at": {"format": "date-time"},
        "time": {"format": "time"},
        "mail": {"format": "email"},
        "link": {"format": "uri"},
        "way": {"format": "uri-reference"},
        "iri": {"format": "iri"},
        "mine": {"format": "article-number"},
    },
    "required_fields": ["day"],
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("day", "2026-13-45"),
        ("at", "tomorrow"),
        ("at", "2026-12-31T18:00"),
        ("time", "25:00:00Z"),
        ("mail", "nope"),
        ("link", "nope"),
        ("link", "javascript:alert(1)"),
        ("link", "JavaScript:alert(1)"),
        ("link", "data:text/html,<script>"),
        ("link", "vbscript:x"),
        ("way", "javascript:alert(1)"),
        ("iri", "javascript:alert(1)"),
    ],
)
def test_a_format_that_does_not_hold_is_refused_by_its_field(name: str, text: str) -> None:
    answer = {"day": "2026-12-31", name: text}
    problem = Schemas().problem_of_form(RECORD, answer, partial=False)
    assert problem is not None
    assert problem.startswith(f"{name}: ")
    assert problem_of_form(RECORD, answer, "approved") == problem


def test_what_fits_its_format_is_taken_and_unknown_formats_are_words() -> None:
    answer = {
        "day": "2026-12-31",
        "at": "2026-12-31T18:00:00+01:00",
        "time": "18:00:00Z",
        "mail": "ana@example.com",
        "link": "https://example.com/a?b=c",
        "way": "/orders/1",
        "iri": "https://example.com/ü",
        "mine": "anything",
    }
    assert Schemas().problem_of_form(RECORD, answer, partial=False) is None
    assert problem_of_form(RECORD, answer, "approved") is None


def test_a_field_is_the_root_of_its_own_references() -> None:
    def field(type: str) -> dict[str, object]:
        one = {"$defs": {"one": {"type": type}}, "items": {"$ref": "#/$defs/one"}}
        return {**one, "$id": "list", "$schema": "http://json-schema.org/draft-07/schema#"}

    tree = {"type": "object", "properties": {"below": {"$ref": "#"}}}
    record = {"form": {"names": field("string"), "sizes": field("number"), "tree": tree}}
    fitting = {"names": ["a"], "sizes": [1], "tree": {"below": {"below": {}}}}
    assert Schemas().problem_of_form(record, fitting, partial=False) is None
    problem = Schemas().problem_of_form(record, {"names": ["a"], "sizes": ["b"]}, partial=False)
    assert problem == 'sizes/0: "b" is not of type "number"'


def test_a_violation_by_a_long_value_still_names_the_rule() -> None:
    validator = compile_schema({"properties": {"s": {"maxLength": 10}}})
    problem = first_problem(validator, {"s": "x" * 30_000})
    assert problem is not None
    assert problem.startswith('s: "xxx')
    assert problem.endswith("is longer than 10 characters")
    assert len(problem) < 700
