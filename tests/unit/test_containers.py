"""Containers are used only where an engine answers."""

import pytest

from tests.containers import NoEngine, require_engine


# S221
def test_a_missing_engine_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(NoEngine, match=r"no container engine answers .* start one, or unset"):
        require_engine()
