"""Texts that are no YAML 1.2, or not what was meant: where, and what instead."""

import pytest

from config.documents import SyntaxMistake, parse_document


@pytest.mark.parametrize("version", ["1.1", "1.3", "2.0"])
@pytest.mark.parametrize("before", ["", "# A workflow.\n\n"])
def test_a_directive_of_another_yaml_is_refused_and_changes_nothing(
    before: str, version: str
) -> None:
    data, places = parse_document(f"{before}%YAML {version}\n---\nenabled: yes\nmax: 010\n")
    assert data == {"enabled": "yes", "max": 10}
    line = before.count("\n") + 1
    problem = f"files are YAML 1.2, not {version}; remove this line"
    assert places.mistakes == [SyntaxMistake(line, 1, problem)]


@pytest.mark.parametrize("text", ["%YAML 1.2\n---\na: yes\n", 'a: "yes"\n'])
def test_the_directive_of_our_yaml_is_fine(text: str) -> None:
    data, places = parse_document(text)
    assert (data, places.mistakes) == ({"a": "yes"}, [])


def test_a_line_inside_of_a_text_is_no_directive() -> None:
    data, places = parse_document('a: "b\n%YAML 1.1\n"')
    assert (data, places.mistakes) == ({"a": "b %YAML 1.1 "}, [])


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("cron: * * * * *", "put a text that begins with * or & in quotes"),
        ("event: *.created", "put a text that begins with * in quotes"),
        ("description: This: that", "put a text that holds ': ' in quotes"),
        ("name:a\nsteps: []", "a space behind the colon of each key"),
        ("steps:\n  - id: a\n    allow:{}\n", "put a space behind the colon of each key"),
        ("title: %off", "put the text in quotes"),
        ("reason: @home", "put the text in quotes"),
        ('regex: "\\d+"', "use single quotes: '\\d+'"),
        ("notify: {to: #payments, message: hi}", "put a text that begins with # in quotes"),
        ('reason: "Hello" ${name}', "put the whole text in one pair of quotes"),
        ("{reason: 'it's ok'}", "inside of '...' write '' for '"),
        ("{key: ${id}}", 'write a value that holds ${...} in quotes: "${total}"'),
    ],
)
def test_everyday_traps_of_yaml_come_with_what_to_write(text: str, remedy: str) -> None:
    with pytest.raises(SyntaxMistake) as caught:
        parse_document(text)
    assert caught.value.problem.startswith("this is no YAML: ")
    assert remedy in caught.value.problem


def test_an_open_list_is_not_blamed_on_a_comment_in_quotes() -> None:
    with pytest.raises(SyntaxMistake) as caught:
        parse_document('{to: "a, #b", message: [hi')
    assert "comment" not in caught.value.problem


def test_a_number_beyond_json_says_what_is_true_of_it() -> None:
    _, places = parse_document("when: { a: { gt: 9007199254740993 } }")
    (mistake,) = places.mistakes
    assert "beyond 2^53, where numbers in JSON lose digits" in mistake.problem


@pytest.mark.parametrize("text", ["9007199254740992", "-9007199254740992", "0x20000000000000"])
def test_the_largest_whole_number_of_an_event_may_stand_in_a_definition(text: str) -> None:
    data, _ = parse_document(f"a: {text}\n")
    assert data == {"a": int(text, 0)}
