"""The OpenAPI document names every operation, and answers keep to it (S200-S205)."""

from typing import Any, get_args
from uuid import uuid4

import httpx2 as httpx
import jsonschema_rs
import pytest

from api.problems import KINDS, Kind, ProblemBody
from tests.integration.seeds import a_request, an_execution
from tests.world import World

API = "/api/v1"
NOBODY = f"exec_{'0' * 32}"
NO_REQUEST = f"w_{'0' * 32}"
OPERATIONS = {
    ("get", "/executions"),
    ("get", "/executions/{id}"),
    ("get", "/executions/{id}/trace"),
    ("post", "/executions/{id}/hold"),
    ("post", "/executions/{id}/resume"),
    ("post", "/executions/{id}/cancel"),
    ("post", "/executions/{id}/retry"),
    ("post", "/executions/{id}/skip"),
    ("post", "/executions/{id}/rerun"),
    ("get", "/workflows"),
    ("get", "/workflows/{name}"),
    ("put", "/workflows/{name}"),
    ("get", "/workflows/{name}/versions"),
    ("get", "/workflows/{name}/versions/{version}"),
    ("post", "/workflows/{name}/trigger"),
    ("post", "/workflows:validate"),
    ("post", "/events"),
    ("get", "/approvals"),
    ("get", "/approvals/{request_id}"),
    ("post", "/approvals/{request_id}/decision"),
    ("post", "/approvals/{request_id}/approve"),
    ("post", "/approvals/{request_id}/reject"),
    ("post", "/approvals/{request_id}/claim"),
    ("post", "/approvals/{request_id}/reassign"),
    ("post", "/approvals/{request_id}/delegate"),
    ("post", "/approvals/{request_id}/comments"),
    ("get", "/receipts/{id}"),
    ("get", "/stream"),
    ("get", "/lag"),
    ("get", "/schedules"),
    ("post", "/schedules/{name}/trigger"),
    ("get", "/workflows/{name}/graph.svg"),
    ("get", "/waits"),
    ("get", "/dead-letters"),
    ("get", "/dead-letters/{id}"),
    ("post", "/dead-letters/{id}/replay"),
    ("post", "/dead-letters/{id}/discard"),
}
Call = tuple[str, str, dict[str, str], Any, int]
BY: dict[str, str] = {"decided_by": "ana"}
CALLS: list[Call] = [
    ("get", "/executions", {}, None, 200),
    ("get", "/executions/{id}", {"id": "{execution}"}, None, 200),
    ("get", "/executions/{id}", {"id": NOBODY}, None, 404),
    ("get", "/executions/{id}/trace", {"id": "{execution}"}, None, 200),
    ("get", "/executions/{id}/trace", {"id": "nonsense"}, None, 404),
    ("post", "/executions/{id}/hold", {"id": "{execution}"}, {}, 202),
    ("post", "/executions/{id}/hold", {"id": "{execution}"}, {"odd": 1}, 422),
    ("post", "/executions/{id}/resume", {"id": "{execution}"}, {}, 409),
    ("post", "/executions/{id}/resume", {"id": NOBODY}, {}, 404),
    ("post", "/executions/{id}/cancel", {"id": "{execution}"}, {}, 202),
    ("post", "/executions/{id}/retry", {"id": "{execution}"}, {}, 409),
    ("post", "/executions/{id}/skip", {"id": "{execution}"}, {}, 202),
    ("post", "/executions/{id}/rerun", {"id": "{execution}"}, {}, 202),
    ("get", "/workflows", {}, None, 200),
    ("get", "/workflows/{name}", {"name": "order-approval"}, None, 200),
    ("get", "/workflows/{name}/versions", {"name": "nobody"}, None, 404),
    ("put", "/workflows/{name}", {"name": "w"}, {"name": "w"}, 422),
    ("post", "/workflows:validate", {}, {"name": "w"}, 200),
    ("post", "/workflows/{name}/trigger", {"name": "nobody"}, {}, 404),
    ("post", "/workflows/{name}/trigger", {"name": "order-approval"}, {}, 422),
    ("post", "/events", {}, {"type": "a.b"}, 202),
    ("post", "/events", {}, {}, 422),
    ("get", "/approvals", {}, None, 200),
    ("get", "/approvals/{request_id}", {"request_id": "{request}"}, None, 200),
    ("get", "/approvals/{request_id}", {"request_id": NO_REQUEST}, None, 404),
    ("post", "/approvals/{request_id}/approve", {"request_id": "{request}"}, BY, 202),
    ("post", "/approvals/{request_id}/reject", {"request_id": NO_REQUEST}, BY, 404),
    ("post", "/approvals/{request_id}/claim", {"request_id": "{request}"}, BY, 202),
    ("post", "/approvals/{request_id}/claim", {"request_id": "{closed}"}, BY, 409),
    ("get", "/receipts/{id}", {"id": "nobody"}, None, 404),
    ("get", "/waits", {}, None, 200),
    ("get", "/lag", {}, None, 200),
    ("get", "/schedules", {}, None, 200),
    ("post", "/schedules/{name}/trigger", {"name": "nobody"}, None, 404),
    ("get", "/workflows/{name}/graph.svg", {"name": "order-approval"}, None, 200),
    ("get", "/workflows/{name}/graph.svg", {"name": "nobody"}, None, 404),
    ("get", "/dead-letters", {}, None, 200),
    ("get", "/dead-letters/{id}", {"id": "999999999"}, None, 404),
    ("post", "/dead-letters/{id}/replay", {"id": "999999999"}, {"by": "ana"}, 404),
    ("post", "/dead-letters/{id}/discard", {"id": "999999999"}, {"odd": 1}, 422),
]


# S200 S201 S202 S203 S204 S205
async def test_the_document_names_every_operation_and_its_problems(
    quiet_client: httpx.AsyncClient,
) -> None:
    paths = (await quiet_client.get("/openapi.json")).json()["paths"]
    named = {
        (method, path.removeprefix(API))
        for path, methods in paths.items()
        for method in methods
        if path.startswith(API)
    }
    assert named >= OPERATIONS
    for method, path in OPERATIONS:
        answers = paths[f"{API}{path}"][method]["responses"]
        assert "application/problem+json" in answers["404"]["content"], path
        assert answers.keys() & {"200", "201", "202"}, path


# S200 S201 S202 S203 S204 S205
@pytest.mark.parametrize(("method", "path", "named", "body", "status"), CALLS)
async def test_answers_are_those_that_the_document_names(
    quiet_client: httpx.AsyncClient,
    quiet: World,
    method: str,
    path: str,
    named: dict[str, str],
    body: object,
    status: int,
) -> None:
    made = {
        "{execution}": lambda: an_execution(quiet, uuid4().hex),
        "{request}": lambda: a_request(quiet, uuid4().hex),
        "{closed}": lambda: a_request(quiet, uuid4().hex, "approved"),
    }
    values = {key: made[value]() if value in made else value for key, value in named.items()}
    answer = await quiet_client.request(method, f"{API}{path}".format(**values), json=body)
    assert answer.status_code == status, answer.text
    paths = (await quiet_client.get("/openapi.json")).json()["paths"]
    told = paths[f"{API}{path}"][method]["responses"][str(status)]["content"]
    kind = answer.headers["content-type"]
    assert kind in told
    assert (kind == "application/problem+json") == (status >= 400)
    if status >= 400:
        jsonschema_rs.validate(ProblemBody.model_json_schema(), answer.json())
        assert answer.json()["status"] == status


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema, or the one that it refers to."""
    for part in schema.get("anyOf", ()):
        if part.get("type") != "null":
            return resolved(document, part)
    name = schema.get("$ref", "").rpartition("/")[2]
    return dict(document["components"]["schemas"][name]) if name else schema


# S200 S201 S202 S203 S204 S205
async def test_the_document_shows_a_schema_of_every_answer_and_an_example_of_every_body(
    quiet_client: httpx.AsyncClient,
) -> None:
    document = (await quiet_client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1.")
    for method, path in OPERATIONS:
        operation = document["paths"][f"{API}{path}"][method]
        for status, answer in operation["responses"].items():
            for content in answer["content"].values():
                assert content["schema"], (path, status)
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            schema = resolved(document, content["schema"])
            shown = content.get("examples") or schema.get("examples")
            assert shown or kind != next(iter(operation["requestBody"]["content"])), path
            for example in schema.get("examples", ()):
                whole = {**schema, "components": document["components"]}
                jsonschema_rs.validate(whole, example)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_type_of_problem_has_its_meaning(kind: Kind) -> None:
    assert KINDS[kind].endswith(".")


async def test_every_example_of_the_document_is_one_of_its_schema(
    quiet_client: httpx.AsyncClient,
) -> None:
    document = (await quiet_client.get("/openapi.json")).json()
    shown = 0
    for schema in document["components"]["schemas"].values():
        for example in schema.get("examples", ()):
            shown += 1
            jsonschema_rs.validate({**schema, "components": document["components"]}, example)
    assert shown > 10
