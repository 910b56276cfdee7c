"""The page that tells how a deployment is, from what was found out."""

from typing import Any

import pytest

from api.screens.page import fragment
from streams.lag import GroupState


def shown(group: GroupState, cache: str = "ok") -> str:
    nothing: dict[str, Any] = {"checks": {}, "numbers": None, "wrong": "", "lags": [], "moved": {}}
    nothing["cache"] = cache
    html = fragment(
        "health_state.html",
        {**nothing, "group": group, "group_id": "g", "silent": "", "total": 0, "version": "1"},
    )
    return " ".join(html.split())


@pytest.mark.parametrize(
    ("group", "told"),
    [
        (GroupState("stable", ()), "somebody reads; this broker does not tell who."),
        (GroupState("stable", (("w@h", 4),)), "1 member:"),
        (GroupState("empty", ()), "0 members."),
    ],
)
def test_a_broker_that_does_not_tell_its_members_is_not_said_to_have_none(
    group: GroupState, told: str
) -> None:
    assert told in shown(group)


@pytest.mark.parametrize("cache", ["in each process only", "does not answer; nothing stops"])
def test_how_the_cache_is_is_told(cache: str) -> None:
    assert f"<small>{cache}</small>" in shown(GroupState("stable", ()), cache)
