"""A delegation lasts from and until instants that a database gives back."""

import pytest
from pydantic import ValidationError

from streams.notes import read_answered

ASKED = {"kind": "delegate", "decision_id": "d-1", "decided_by": "ana", "to": "bo"}


@pytest.mark.parametrize("name", ["from", "until"])
@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_delegation_ends_at_an_instant_that_can_be_read_again(name: str, text: str) -> None:
    with pytest.raises(ValidationError, match=r"should be (greater|less) than"):
        read_answered({**ASKED, name: text})
