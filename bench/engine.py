"""The engine alone, in memory: one `advance`, matching, loading (issue 5's figures)."""

import json
import timeit
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from actions.definitions import read_definition
from bench.workload import DEFINITION, an_event
from engine.advance import advance
from engine.execution import Execution
from engine.ids import execution_id
from engine.inputs import DecisionArrived, Started
from engine.patterns import PatternIndex

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROUNDS = 7
TYPES = 200
"""Event types that are asked for, each of which one definition listens to."""


def best_us(call: Callable[[], object], number: int) -> float:
    """Return the microseconds of one call in the quickest of several rounds."""
    return min(timeit.repeat(call, number=number, repeat=ROUNDS)) / number * 1e6


def advance_us() -> dict[str, float]:
    """Measure one input of workload W: the start until the pause, the decision until the end."""
    definition = read_definition(DEFINITION, file="bench.yaml", version=1)
    execution = Execution(
        id=execution_id("bench", "/bench", "e1", round(NOW.timestamp() * 1000)),
        workflow="bench",
        version=1,
        trigger_event="bench.asked",
        payload=json.loads(an_event(5)),
        meta={"id": "e1", "type": "bench.asked", "source": "/bench", "key": "k1"},
        triggered_at=NOW,
    )
    start = Started(NOW, {})
    paused, _ = advance(definition, execution, start)
    [wait] = paused.waits.values()
    decision = DecisionArrived(NOW + timedelta(seconds=1), NOW, "d1", wait.id, "approved", "bench")
    begun = best_us(lambda: advance(definition, execution, start), 2_000)
    resumed = best_us(lambda: advance(definition, paused, decision), 2_000)
    return {
        "advance_start_us": round(begun, 1),
        "advance_decision_us": round(resumed, 1),
        "advance_mean_us": round((begun + resumed) / 2, 1),
    }


def matching_us(definitions: int) -> float:
    """Measure matching one event against so many triggers, one in ten of them a wildcard."""
    index: PatternIndex[int] = PatternIndex()
    for n in range(definitions):
        index.add(f"shop{n}.order.*" if n % 10 == 0 else f"shop{n}.order.created", n)
    asked = [f"shop{n % definitions}.order.created" for n in range(TYPES)]
    return best_us(lambda: [index.match(name) for name in asked], 50) / TYPES


def loading_s(definitions: int) -> float:
    """Measure reading and checking so many definitions."""
    texts = [DEFINITION.replace("name: bench", f"name: bench-{n}") for n in range(definitions)]
    begun = timeit.default_timer()
    for text in texts:
        read_definition(text, file="bench.yaml", version=1)
    return timeit.default_timer() - begun


def measure() -> dict[str, Any]:
    """Return all figures."""
    few, many = matching_us(10), matching_us(10_000)
    return {
        **advance_us(),
        "match_10_definitions_us": round(few, 2),
        "match_10000_definitions_us": round(many, 2),
        "match_ratio": round(many / few, 2),
        "load_1000_definitions_s": round(loading_s(1_000), 2),
    }
