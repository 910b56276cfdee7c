"""Events that cancel an execution while it is unfinished."""

from engine.correlation import correlation_of_event, shapes_of
from engine.effects import StopWatching, Watch
from tests.builders import a_definition, cancelled, of_kind, one, started

CANCELLED = """
    trigger:
      event: order.placed
      cancel_on: {event: order.withdrawn, match: {order_id: "${order_id}"}}
    steps: [{id: ask, approval: {title: Fine?, roles: [boss]}}]
    """


# S126
def test_an_execution_watches_for_the_event_that_cancels_it() -> None:
    definition = a_definition(CANCELLED)
    _, effects = started(definition, {"order_id": 7})
    watch = one(effects, Watch)
    [shape] = shapes_of(definition)
    assert watch.correlation == correlation_of_event(shape, {"order_id": 7}, None)
    assert watch.correlation != correlation_of_event(shape, {"order_id": 8}, None)


def test_numbers_that_are_equal_match_however_their_publishers_write_them() -> None:
    definition = a_definition(CANCELLED)
    [shape] = shapes_of(definition)
    for whole, written in ((100, 100.0), (0, -0.0), (10**16, 1e16), ([1], [1.0])):
        watch = one(started(definition, {"order_id": written})[1], Watch)
        assert watch.correlation == correlation_of_event(shape, {"order_id": whole}, None)
    assert watch.correlation != correlation_of_event(shape, {"order_id": [True]}, None)


def test_without_a_match_the_keys_of_the_two_events_are_compared() -> None:
    definition = a_definition(
        """
        trigger: {event: order.placed, cancel_on: {event: order.withdrawn}}
        steps: [{id: ask, approval: {title: Fine?, roles: [boss]}}]
        """
    )
    _, effects = started(definition, {})
    watch = one(effects, Watch)
    [shape] = shapes_of(definition)
    assert watch.correlation == correlation_of_event(shape, {}, "k1")


def test_a_value_to_match_that_is_missing_is_a_warning_and_no_failure() -> None:
    execution, effects = started(a_definition(CANCELLED), {})
    assert of_kind(effects, Watch) == []
    assert execution.waits
    assert "order_id" in str(execution.context["warnings"])


def test_an_execution_that_has_ended_watches_no_more() -> None:
    definition = a_definition(CANCELLED)
    execution, _ = started(definition, {"order_id": 7})
    _, effects = cancelled(definition, execution)
    assert of_kind(effects, StopWatching)
