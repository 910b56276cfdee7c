"""A worker that lags behind: what the pages and the API say of a decision is never stale."""

from pathlib import Path
from uuid import uuid4

from devstack.stack import EmbeddedStack
from tests.chaos.figures import figure, scaled
from tests.chaos.load import begin
from tests.integration.conftest import a_client
from tests.world import a_world

ASKING = """
name: asking
trigger: { event: asking.asked }
steps:
  - id: ask
    approval: { title: "${n}", roles: [any] }
"""
API = "/api/v1"


# F29
async def test_a_decision_is_confirmed_only_when_it_shows_everywhere(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    number, stale = scaled(500, 10), 0
    with a_world(stack, tmp_path, {"asking.yaml": ASKING}) as world:
        world.start_worker(FAILPOINT="relay.before_produce:0.5:sleep:0.2")
        requests = begin(world, "asking", number)
        async with a_client(world) as client:
            for request in requests.values():
                body = {"decided_by": "ana", "decision_id": uuid4().hex}
                path = f"{API}/approvals/{request.wait_id}"
                answer = await client.post(f"{path}/approve", json=body, params={"wait": 30})
                assert (answer.status_code, answer.json()["result"]) == (200, "applied")
                shown = (await client.get(path)).json()
                execution = (await client.get(f"{API}/executions/{request.execution_id}")).json()
                listed = (await client.get(f"{API}/approvals", params={"limit": 200})).json()
                stale += shown["status"] != "approved"
                stale += execution["status"] != "completed"
                stale += request.wait_id in str(listed)
    assert stale == 0
    figure("F29", decisions=number, stale_confirmations=stale)
