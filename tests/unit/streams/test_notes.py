"""A delegation lasts from and until instants that a database gives back."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from streams.notes import Grant, read_answered

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ASKED = {"kind": "delegate", "decision_id": "d-1", "decided_by": "ana", "to": "bo"}


@pytest.mark.parametrize("name", ["from", "until"])
@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_delegation_ends_at_an_instant_that_can_be_read_again(name: str, text: str) -> None:
    with pytest.raises(ValidationError, match="outside the years 1 to 9999"):
        read_answered({**ASKED, name: text})


def test_a_delegation_from_the_end_of_time_lasts_until_then() -> None:
    grant = read_answered({**ASKED, "from": "9999-12-30T00:00:00Z"})
    assert isinstance(grant, Grant)
    (given,) = grant.delegations(NOW)
    assert given.from_ < given.until
