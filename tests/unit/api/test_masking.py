"""What the pages do not show, wherever they show it."""

import json
from base64 import b64encode

from api.screens.failures import bytes_of, headers_of
from api.screens.values import masked_text


# S198
def test_a_dead_letter_hides_what_stands_under_names_of_secrets() -> None:
    value = json.dumps({"id": 1, "login": {"password": "hunter2"}, "tokens": ["a"]}).encode()
    shown = bytes_of(value)
    assert shown is not None
    assert json.loads(shown.text) == {"id": 1, "login": {"password": "***"}, "tokens": "***"}
    assert shown.size == len(value)
    headers = [["Authorization", b64encode(b"Bearer x").decode()], ["ce_id", None]]
    assert headers_of({"headers": headers}) == [("Authorization", "***"), ("ce_id", "")]


def test_json_that_is_cut_hides_them_too() -> None:
    text = '{"api_key" : "hunter2", "token": 17, "name": "pass\\"word", "password": "hun'
    assert masked_text(text) == (
        '{"api_key" : "***", "token": "***", "name": "pass\\"word", "password": "***"'
    )


def test_what_holds_no_secret_is_shown_as_it_is() -> None:
    for text in ('{"a":  1}', "no json: password", "[" * 4_000, "[1,2", ""):
        assert masked_text(text) == text
