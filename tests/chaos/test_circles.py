"""Workflows that emit what triggers them."""

from tests.chaos.figures import figure
from tests.chaos.load import count, queue_event, reach, register
from tests.world import World

EMITTING = """
name: {name}
trigger: {{ event: {name}.asked }}
steps:
  - id: again
    execute: [{{ emit: {{ event: {other}.asked, data: {{ n: "${{n}}" }} }} }}]
"""
CIRCLES = {"narcissus": "narcissus", "ping": "pong", "pong": "ping"}


# F26
def test_events_in_a_circle_stop_at_the_sixteenth_hop(steady: World) -> None:
    register(steady, **{n: EMITTING.format(name=n, other=other) for n, other in CIRCLES.items()})
    queue_event(steady, "narcissus.asked", {"n": 1}, id="narcissus")
    queue_event(steady, "ping.asked", {"n": 1}, id="ping")
    steady.producer.flush(10)
    reach(steady, 2, "dead_letters", "error_type = 'loop_limit'")
    narcissus = count(steady, "workflow_executions", "workflow_name = 'narcissus'")
    both = count(steady, "workflow_executions", "workflow_name in ('ping', 'pong')")
    assert (narcissus, both) == (16, 16)
    figure("F26", circles=2, executions_each=16, dead_letters=2)
