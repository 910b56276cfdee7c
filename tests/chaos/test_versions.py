"""New versions of a workflow, and of the schema, while executions are under way."""

from uuid import uuid4

from tests.chaos.figures import figure, scaled
from tests.chaos.load import count, queue_decision, queue_event, reach, register, requests_of
from tests.world import World

EDITION = """
name: edited
trigger: {{ event: edited.asked }}
steps:
  - id: before
    execute: [{{ create_record: {{ entity: edited, id: "${{n}}", set: {{ before: {version} }} }} }}]
{more}
  - id: ask
    approval: {{ title: "${{n}}", roles: [any] }}
  - id: after
    execute: [{{ update_record: {{ entity: edited, id: "${{n}}", set: {{ after: {version} }} }} }}]
"""
MORE = "  - {{ id: step_{version}, execute: [{{ log: {{ message: here }} }}] }}"


# F23
def test_executions_finish_on_the_version_that_they_started_with(steady: World) -> None:
    editions, each = scaled(100, 4), 20
    published, decided = 0, set[str]()
    for version in range(1, editions + 1):
        # Every second edition drops the step of the one before.
        more = MORE.format(version=version) if version % 2 else ""
        register(steady, edited=EDITION.format(version=version, more=more))
        for _ in range(each):
            queue_event(steady, "edited.asked", {"n": published}, id=uuid4().hex)
            published += 1
        steady.producer.flush(10)
        if version % 2 == 0:
            reach(steady, published, "workflow_executions", "workflow_name = 'edited'")
            decide_half(steady, decided)
    reach(steady, published, "workflow_executions", "workflow_name = 'edited'")
    while len(decided) < published:
        decide_half(steady, decided)
    ended = "workflow_name = 'edited' and status = 'completed'"
    reach(steady, published, "workflow_executions", ended)
    changed = count(
        steady, "records", "entity_type = 'edited' and data->>'before' <> data->>'after'"
    )
    [pinned] = steady.query(
        "select count(*) as n, count(distinct workflow_version) as versions"
        " from workflow_executions e join records r on r.entity_id = e.trigger_payload->>'n'"
        " where r.entity_type = 'edited' and e.workflow_name = 'edited'"
        " and r.data->>'before' = e.workflow_version::text"
    )
    assert (changed, pinned["n"]) == (0, published)
    assert pinned["versions"] > editions // 2
    figure(
        "F23", editions=editions, executions=published, versions_used=pinned["versions"], changed=0
    )


def decide_half(world: World, decided: set[str]) -> None:
    """Approve every second open request, and all of the last few."""
    waiting = {n: r for n, r in requests_of(world, "edited").items() if n not in decided}
    for n in sorted(waiting)[:: 2 if len(waiting) > 5 else 1]:
        queue_decision(world, waiting[n])
        decided.add(n)
    world.producer.flush(10)
