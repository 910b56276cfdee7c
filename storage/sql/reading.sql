-- name: get_execution
select
    e.id::text as id, e.execution_id, e.workflow_name as workflow, e.workflow_version as version,
    e.trigger_event, e.trigger_payload, e.trigger_key as key, e.context, e.status, e.result,
    e.started_at, e.completed_at, e.duration_ms, e.paused_ms, e.error_code, e.error_message,
    e.metadata, e.paused_at, e.paused_reason, e.resume_data, e.next_step_id, e.sequence
from workflow_executions e
where e.id = %(id)s;

-- name: get_steps
select
    step_id, step_path, step_type, attempt, status, input, output, started_at, completed_at,
    duration_ms, error_code, error_message
from step_executions
where execution_id = %(id)s
order by started_at, attempt, id;

-- name: get_waits
select wait_id, step_path, kind, status, outcome, opened_at, due_at, closed_at
from waits
-- The ids of waits begin with their execution's time: the key finds closed ones as well.
where id >= (left(%(id)s::text, 13) || '-0000-0000-000000000000')::uuid
    and id <= (left(%(id)s::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    and execution_id = %(id)s::uuid
order by opened_at, id;

-- name: get_execution_approvals
select
    request_id, step_path, status, outcome, roles, users, decided_by, decision_reason,
    requested_at, decided_at, expires_at
from approval_requests
where execution_id = %(id)s
order by requested_at, id;

-- name: get_votes
select
    'w_' || replace(v.request_row_id::text, '-', '') as request_id, v.decision_id, v.stage,
    v.outcome, v.decided_by, v.decided_for, v.reason, v.form, v.voted_at
from approval_votes v
where v.execution_id = %(id)s
    and (%(request)s::uuid is null or v.request_row_id = %(request)s)
order by v.voted_at, v.id;

-- name: get_comments
select
    'w_' || replace(c.request_row_id::text, '-', '') as request_id, c.decision_id, c.written_by,
    c.comment, c.written_at
from approval_comments c
where c.execution_id = %(id)s
    and (%(request)s::uuid is null or c.request_row_id = %(request)s)
order by c.id;

-- name: get_timers
select kind, wait_id, due_at
from timers
-- Their ids begin with their execution's time, as those of waits do.
where id >= (left(%(id)s::text, 13) || '-0000-0000-000000000000')::uuid
    and id <= (left(%(id)s::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    and execution_id = %(id)s::uuid
order by due_at;

-- name: get_effects
select
    id::text as id, step_path, kind, idempotency_key, status, attempt, created_at, finished_at,
    error_code, error_message
from effects
where execution_id = %(id)s
order by created_at, id;

-- name: get_execution_decisions
select
    decision_id, request_id, outcome, decided_by, reason, result, code, message, received_at
from decisions
where execution_id = %(id)s
order by id;

-- name: get_event
select event_id, type, source, topic, partition, record_offset, record_key, received_at
from events
where event_id = %(event_id)s and source = %(source)s
limit 1;

-- name: get_approval
select
    a.id::text as id, a.request_id, a.status, a.outcome, a.priority, a.requested_at, a.expires_at,
    a.decided_at, a.decided_by, a.decided_for, a.decision_reason, a.roles, a.users,
    a.execution_id::text as execution_row_id, w.record, w.state as progress
from approval_requests a
inner join waits w on w.id = a.id
where a.id = %(id)s;

-- name: get_request_decisions
select decision_id, outcome, decided_by, reason, form, result, code, message, received_at
from decisions
where execution_id = %(execution)s and request_id = %(request_id)s
order by id;

-- name: list_workflows
select distinct on (name)
    name, version, description, labels, enabled, priority, content_hash, created_at
from workflows
where name > %(after)s
order by name, version desc
limit %(limit)s;

-- name: find_receipts
select
    d.decision_id as name, 'decision' as of, d.request_id as about, null as workflow,
    e.execution_id, d.result, d.code, d.message, d.decided_by, d.answered_at as at
from decisions d
left join workflow_executions e on e.id = d.execution_id
where d.decision_id = any(%(ids)s::text[])
    and d.result is not null
    and (d.code is null or d.code <> 'duplicate')
union all
select
    c.command_id, 'command', c.kind, c.workflow,
    'exec_' || replace(c.execution_id::text, '-', ''), c.result, c.code, c.message, c.by,
    c.answered_at
from commands c
where c.command_id = any(%(ids)s::text[]) and c.result is not null;

-- name: get_decision
select body
from decisions
where decision_id = %(decision_id)s and (code is null or code <> 'duplicate');

-- name: find_events
select event_id, source, type, subject, payload
from events
where event_id = any(%(ids)s::text[]);

-- name: get_command
select command_id, kind, workflow, data, by, reason, received_at, result, code, message, answered_at
from commands
where command_id = %(command_id)s;

-- name: get_command_target
select
    e.id::text as id, e.execution_id, e.workflow_name as workflow, e.status, e.paused_reason,
    array(
        select w.kind from waits w where w.execution_id = e.id and w.status = 'open'
    ) as open_waits
from workflow_executions e
where e.id = %(id)s;

-- name: find_settled
select
    e.execution_id, e.workflow_name as workflow, e.workflow_version as version, e.status, e.result,
    e.paused_reason, e.error_code, e.error_message, e.started_at, e.completed_at
from workflow_executions e
where e.id = any(%(ids)s::uuid[])
    and e.status in ('paused', 'completed', 'blocked', 'failed', 'cancelled');

-- name: find_event_executions
select
    v.event_id, v.source, e.execution_id, e.workflow_name as workflow, e.status, e.result,
    e.paused_reason, e.error_code, e.error_message,
    t.id is null
    or coalesce(e.status in ('paused', 'completed', 'blocked', 'failed', 'cancelled'), false)
    as settled,
    array(
        -- A record that one workflow took and another refused stands in the dead letters too.
        select d.error_message
        from dead_letters d
        where d.status = 'open'
            and d.failed_at > v.received_at - interval '1 hour'
            and d.topic = v.topic
            and d.partition = v.partition
            and d.record_offset = v.record_offset
    ) as rejected
from events v
left join lateral jsonb_array_elements_text(v.triggered_workflows) as t (id) on true
left join workflow_executions e on e.id = substr(t.id, 6)::uuid
where v.event_id = any(%(ids)s::text[])
order by v.id, e.id;

-- name: get_workflow
select
    name, version, description, labels, enabled, priority, content_hash, created_at, file,
    definition, body
from workflows
where name = %(name)s and (%(version)s::integer is null or version = %(version)s)
order by version desc
limit 1;

-- name: list_versions
select name, version, description, enabled, priority, content_hash, created_at
from workflows
where name = %(name)s and (%(before)s::integer is null or version < %(before)s)
order by version desc
limit %(limit)s;

-- name: list_schedules
select
    s.name, s.workflow_name as workflow, s.version, s.enabled,
    split_part(s.cron, '|', 1) as cron, split_part(s.cron, '|', 2) as timezone, s.last_slot,
    case when s.next_slot < '9999-12-31' then s.next_slot end as next_slot, s.dropped,
    s.buffered is not null as buffered,
    'exec_' || replace(s.last_execution_id::text, '-', '') as last_execution_id
from schedules s
where (%(name)s::text is null or s.name = %(name)s)
    and (%(workflow)s::text is null or s.workflow_name = %(workflow)s)
    and s.name > %(after)s
order by s.name
limit %(limit)s;

-- name: measure
select
    (select count(*) from workflow_executions where status = 'pending') as pending,
    (select count(*) from workflow_executions where status = 'running') as running,
    (select count(*) from workflow_executions where status = 'paused') as paused,
    (select count(*) from approval_requests where status = 'pending') as open_approvals,
    (select count(*) from timers where due_at <= now()) as due_timers,
    (select count(*) from outbox) as outbox_rows,
    (
        select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from outbox
    ) as outbox_age_seconds,
    (select count(*) from dead_letters where status = 'open') as dead_letters,
    (select count(*) from effects where status = 'pending') as pending_effects;
