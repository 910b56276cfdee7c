"""The tables that reports of users read (requirements.md S144-S191)."""

import psycopg
import pytest
from psycopg.rows import dict_row

from storage.statements import statements

EXECUTIONS = {
    "id": "uuid",
    "workflow_id": "uuid",
    "workflow_version": "integer",
    "execution_id": "character varying",
    "trigger_event": "character varying",
    "trigger_payload": "jsonb",
    "context": "jsonb",
    "status": "character varying",
    "result": "character varying",
    "started_at": "timestamp with time zone",
    "completed_at": "timestamp with time zone",
    "duration_ms": "bigint",
    "error_message": "text",
    "error_code": "text",
    "metadata": "jsonb",
    "paused_at": "timestamp with time zone",
    "paused_reason": "text",
    "resume_data": "jsonb",
    "next_step_id": "character varying",
    "cursor": "jsonb",
    "paused_ms": "bigint",
}
STEPS = {
    "id": "uuid",
    "execution_id": "uuid",
    "step_id": "character varying",
    "step_path": "text",
    "attempt": "integer",
    "step_type": "character varying",
    "status": "character varying",
    "input": "jsonb",
    "output": "jsonb",
    "started_at": "timestamp with time zone",
    "completed_at": "timestamp with time zone",
    "duration_ms": "bigint",
    "error_message": "text",
}
APPROVALS = {
    "id": "uuid",
    "request_id": "character varying",
    "execution_id": "uuid",
    "step_path": "text",
    "entity_type": "character varying",
    "entity_id": "character varying",
    "requester_id": "text",
    "approver_role": "character varying",
    "approver_id": "text",
    "status": "character varying",
    "reason": "text",
    "decision_reason": "text",
    "requested_at": "timestamp with time zone",
    "decided_at": "timestamp with time zone",
    "expires_at": "timestamp with time zone",
    "decided_by": "text",
    "decided_for": "text",
}
CONTRACT = {
    "events": ("event_id", "type", "source", "payload", "triggered_workflows"),
    "waits": (
        "wait_id",
        "execution_id",
        "step_path",
        "kind",
        "status",
        "outcome",
        "opened_at",
        "due_at",
        "closed_at",
    ),
    "records": ("entity_type", "entity_id", "data", "version"),
    "effects": (
        "id",
        "execution_id",
        "step_path",
        "kind",
        "idempotency_key",
        "status",
        "attempt",
    ),
    "decisions": (
        "decision_id",
        "execution_id",
        "request_id",
        "outcome",
        "decided_by",
        "result",
        "code",
    ),
}


def columns_of(url: str, table: str) -> dict[str, str]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        rows = connection.execute(
            "select column_name, data_type from information_schema.columns where table_name = %s",
            (table,),
        ).fetchall()
    return {row["column_name"]: row["data_type"] for row in rows}


def indexes_of(url: str, table: str) -> dict[str, str]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        rows = connection.execute(
            "select indexname, indexdef from pg_indexes where tablename = %s", (table,)
        ).fetchall()
    return {row["indexname"]: row["indexdef"] for row in rows}


# S144 S145 S146 S147 S148 S149 S150 S151 S152 S153 S154 S155 S156 S157 S158 S159 S160
# S165 S166 S167 S168 S169 S170 S171 S172 S173 S174 S175
# S178 S179 S180 S181 S182 S183 S184 S185 S186 S187 S188 S189 S190 S191
@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("workflow_executions", EXECUTIONS),
        ("step_executions", STEPS),
        ("approval_requests", APPROVALS),
    ],
)
def test_the_predecessors_tables_have_their_columns(
    database_url: str, table: str, wanted: dict[str, str]
) -> None:
    assert wanted.items() <= columns_of(database_url, table).items()


@pytest.mark.parametrize("table", CONTRACT)
def test_the_other_tables_of_the_contract_have_their_columns(database_url: str, table: str) -> None:
    assert set(CONTRACT[table]) <= set(columns_of(database_url, table))


# S161 S162 S163 S164 S176 S177
def test_the_predecessors_indexes_exist(database_url: str) -> None:
    executions = indexes_of(database_url, "workflow_executions")
    assert "(workflow_id, started_at DESC)" in executions["idx_executions_workflow"]
    assert "(status, started_at DESC)" in executions["idx_executions_status"]
    assert "(trigger_event, started_at DESC)" in executions["idx_executions_trigger"]
    assert "(started_at DESC, id)" in executions["idx_executions_started_at"]
    steps = indexes_of(database_url, "step_executions")
    assert "(execution_id, started_at)" in steps["idx_step_executions"]
    assert "(status)" in steps["idx_step_executions_status"]


INSERT = """
insert into workflow_executions (
    id, workflow_id, workflow_name, workflow_version, trigger_event, trigger_payload, status,
    result, completed_at, paused_at, paused_reason
)
values (
    gen_random_uuid(), '00000000-0000-7000-8000-000000000001', 'w', 1, 'e', '{}', %s, %s,
    case when %s then now() end, case when %s then now() end, case when %s then 'event:w' end
)
"""
WORKFLOW = """
insert into workflows (id, name, version, content_hash, definition, body)
values ('00000000-0000-7000-8000-000000000001', 'w', 1, '', '', '{}') on conflict do nothing
"""
RESULTS = (None, "allowed", "blocked", "executed", "failed")
PAIRS: dict[str, set[str | None]] = {
    "pending": {None},
    "running": {None},
    "paused": {None},
    "completed": {"allowed", "executed"},
    "blocked": {"blocked"},
    "failed": {"failed"},
    "cancelled": {None},
}


# S22 S150 S151 S153
@pytest.mark.parametrize("status", PAIRS)
def test_status_and_result_come_only_in_the_fixed_pairs(database_url: str, status: str) -> None:
    ended = status in ("completed", "blocked", "failed", "cancelled")
    paused = status == "paused"
    allowed: set[str | None] = set()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(WORKFLOW)
        for result in RESULTS:
            try:
                connection.execute(INSERT, (status, result, ended, paused, paused))
            except psycopg.errors.CheckViolation:
                continue
            allowed.add(result)
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(
                INSERT, (status, min(PAIRS[status], key=str), not ended, paused, paused)
            )
    assert allowed == PAIRS[status]


# S166
def test_the_rows_of_an_execution_go_with_it(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(WORKFLOW)
        row = connection.execute(
            INSERT + " returning id", ("running", None, False, False, False)
        ).fetchone()
        assert row is not None
        connection.execute(
            "insert into step_executions (id, execution_id, step_id, step_path, step_type, status)"
            " values (%s, %s, 'a', 'a', 'action', 'running')",
            (row[0], row[0]),
        )
        connection.execute("delete from workflow_executions where id = %s", (row[0],))
        left = connection.execute(
            "select count(*) from step_executions where execution_id = %s", (row[0],)
        ).fetchone()
    assert left == (0,)


@pytest.mark.parametrize("name", sorted(statements().keys() - {"vacuum_queues"}))
def test_each_statement_can_be_planned(database_url: str, name: str) -> None:
    text = statements()[name]
    parameters = {part.split(")")[0]: None for part in text.split("%(")[1:]}
    if "rows" in parameters:
        parameters["rows"] = "[]"  # type: ignore[assignment]
    with psycopg.connect(database_url) as connection:
        plan = connection.execute("explain " + text, parameters).fetchall()
    assert plan
