-- name: use_custom_plans
-- Filters that are left out must vanish from the plan; a generic plan would keep them.
select set_config('plan_cache_mode', 'force_custom_plan', true) as plan_cache_mode;

-- name: screen_inbox
select
    a.id::text as id, a.request_id, a.priority, a.requested_at, a.expires_at, a.roles, a.users,
    w.record ->> 'title' as title, w.record ->> 'workflow' as workflow,
    w.record ->> 'execution_id' as execution_id, w.record -> 'outcomes' as outcomes,
    coalesce((w.record ->> 'bulk')::boolean, false) as bulk,
    coalesce(w.record #>> '{view,amount}', w.record #>> '{view,total}') as amount,
    w.record #>> '{view,currency}' as currency, w.state
from (
    select o.*
    from approval_requests o
    where o.status = 'pending'
        and (%(role)s::text is null or o.roles @> array[%(role)s::text])
        and (
            %(person)s::text is null
            or o.users @> array[%(person)s::text]
            or o.roles && %(roles)s::text[]
        )
        and (
            %(workflow)s::text is null
            or exists (
                select 1
                from workflow_executions e
                where e.id = o.execution_id and e.workflow_name = %(workflow)s
            )
        )
        and (
            %(before_at)s::timestamptz is null
            or (o.requested_at, o.id) < (%(before_at)s, %(before_id)s::uuid)
        )
    order by o.requested_at desc, o.id desc
    limit %(limit)s
) as a
inner join waits w on w.id = a.id
order by a.requested_at desc, a.id desc;

-- name: count_open_approvals
select count(*)::int as open
from (select 1 from approval_requests where status = 'pending' limit %(most)s) as counted;

-- name: screen_approval
select
    a.id::text as id, a.execution_id::text as execution_row_id, a.request_id, a.status, a.outcome,
    a.priority, a.requested_at, a.expires_at, a.decided_at, a.decided_by, a.decided_for,
    a.decision_reason, a.roles, a.users, w.record, w.state
from approval_requests a
inner join waits w on w.id = a.id
where a.id = %(id)s;

-- name: screen_votes
select outcome, decided_by, decided_for, reason, voted_at, stage
from approval_votes
where request_row_id = %(id)s
order by voted_at, id;

-- name: screen_comments
select written_by, comment, written_at
from approval_comments
where request_row_id = %(id)s
order by id desc
limit 200;

-- name: screen_requests_of_bulk
select a.request_id, a.status, w.record
from approval_requests a
inner join waits w on w.id = a.id
where a.id = any(%(ids)s::uuid[]);

-- name: stored_execution
select
    id::text as id, workflow_name, workflow_version, trigger_event, trigger_payload, trigger_key,
    context, status, result, started_at, completed_at, error_code, error_message, metadata,
    paused_at, paused_ms, resume_data, cursor, sequence
from workflow_executions
where id = %(id)s;

-- name: screen_executions
select
    e.id::text as id, e.execution_id, e.workflow_name as workflow, e.workflow_version as version,
    e.trigger_event, e.trigger_key as key, e.status, e.result, e.started_at, e.completed_at,
    e.duration_ms, e.paused_reason, e.next_step_id, e.error_code, e.error_message
from workflow_executions e
where (%(status)s::text is null or e.status = %(status)s)
    and (%(key)s::text is null or e.trigger_key = %(key)s)
    and (%(since)s::timestamptz is null or e.started_at >= %(since)s)
    and (%(until)s::timestamptz is null or e.started_at < %(until)s)
    and (
        %(before_at)s::timestamptz is null
        or (e.started_at, e.id) < (%(before_at)s, %(before_id)s::uuid)
    )
order by e.started_at desc, e.id desc
limit %(limit)s;

-- name: screen_workflow_executions
-- Version by version: each is a short walk through an index, whatever the other workflows did.
select
    e.id::text as id, e.execution_id, e.workflow_name as workflow, e.workflow_version as version,
    e.trigger_event, e.trigger_key as key, e.status, e.result, e.started_at, e.completed_at,
    e.duration_ms, e.paused_reason, e.next_step_id, e.error_code, e.error_message
from workflows v
cross join lateral (
    select o.*
    from workflow_executions o
    where o.workflow_id = v.id
        and (%(status)s::text is null or o.status = %(status)s)
        and (%(key)s::text is null or o.trigger_key = %(key)s)
        and (%(since)s::timestamptz is null or o.started_at >= %(since)s)
        and (%(until)s::timestamptz is null or o.started_at < %(until)s)
        and (
            %(before_at)s::timestamptz is null
            or (o.started_at, o.id) < (%(before_at)s, %(before_id)s::uuid)
        )
    order by o.started_at desc, o.id desc
    limit %(limit)s
) as e
where v.name = %(workflow)s
order by e.started_at desc, e.id desc
limit %(limit)s;

-- name: count_unfinished
-- Counted up to a limit: nobody needs the exact number of a hundred thousand.
select
    s.status,
    (
        select count(*)
        from (
            select 1 from workflow_executions e where e.status = s.status limit %(most)s
        ) as counted
    )::int as many
from unnest(array['pending', 'running', 'paused', 'failed', 'blocked', 'cancelled']) as s (status);

-- name: screen_steps
select
    step_id, step_path, step_type, attempt, status, started_at, completed_at, duration_ms,
    error_code, error_message
from step_executions
where execution_id = %(id)s
order by started_at, attempt, id
limit %(limit)s;

-- name: screen_step
select
    step_id, step_path, step_type, attempt, status, input, output, started_at, completed_at,
    duration_ms, error_code, error_message
from step_executions
where execution_id = %(id)s and step_path = %(step_path)s
order by attempt, started_at
limit 20;

-- name: screen_waits
-- The ids of waits begin with their execution's time: the key finds closed ones as well.
select
    w.wait_id, w.step_path, w.kind, w.status, w.outcome, w.opened_at, w.due_at, w.closed_at,
    w.record ->> 'title' as title, w.record ->> 'event' as event
from waits w
where w.id >= (left(%(id)s::text, 13) || '-0000-0000-000000000000')::uuid
    and w.id <= (left(%(id)s::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    and w.execution_id = %(id)s::uuid
order by w.opened_at, w.id
limit 500;

-- name: screen_effects
select
    step_path, kind, idempotency_key, status, attempt, created_at, finished_at, error_code,
    error_message
from effects
where execution_id = %(id)s
order by created_at, id
limit 500;

-- name: screen_decisions
select
    decision_id, request_id, outcome, decided_by, reason, result, code, message, received_at
from decisions
where execution_id = %(id)s
order by id
limit 200;

-- name: screen_workflow_counts
select
    count(*)::int as looked_at, min(e.started_at) as since,
    count(*) filter (where e.status = 'completed')::int as completed,
    count(*) filter (where e.status = 'blocked')::int as blocked,
    count(*) filter (where e.status = 'failed')::int as failed,
    count(*) filter (where e.status = 'cancelled')::int as cancelled,
    count(*) filter (where e.status = 'paused')::int as paused,
    count(*) filter (where e.status in ('pending', 'running'))::int as running,
    percentile_disc(0.5) within group (order by e.duration_ms) as p50_ms,
    percentile_disc(0.95) within group (order by e.duration_ms) as p95_ms,
    percentile_disc(0.5) within group (
        order by case when e.duration_ms is not null then e.duration_ms - e.paused_ms end
    ) as p50_working_ms,
    percentile_disc(0.95) within group (
        order by case when e.duration_ms is not null then e.duration_ms - e.paused_ms end
    ) as p95_working_ms
from (
    select o.*
    from workflows v
    cross join lateral (
        select r.status, r.started_at, r.duration_ms, r.paused_ms
        from workflow_executions r
        where r.workflow_id = v.id
        order by r.started_at desc
        limit %(limit)s
    ) as o
    where v.name = %(workflow)s
    order by o.started_at desc
    limit %(limit)s
) as e;

-- name: screen_health
select
    current_setting('server_version') as postgres,
    (select max(version) from schema_migrations) as schema_version,
    (
        select count(*)
        from (select 1 from workflow_executions where status = 'pending' limit %(most)s) as counted
    )::int as pending,
    (
        select count(*)
        from (select 1 from workflow_executions where status = 'running' limit %(most)s) as counted
    )::int as running,
    (
        select count(*)
        from (select 1 from workflow_executions where status = 'paused' limit %(most)s) as counted
    )::int as paused,
    (
        select count(*)
        from (select 1 from approval_requests where status = 'pending' limit %(most)s) as counted
    )::int as open_approvals,
    (
        select a.requested_at
        from approval_requests a
        where a.status = 'pending'
        order by a.requested_at
        limit 1
    ) as oldest_approval_at,
    (
        select a.request_id
        from approval_requests a
        where a.status = 'pending'
        order by a.requested_at
        limit 1
    ) as oldest_approval,
    (
        select count(*) from (select 1 from timers where due_at <= now() limit %(most)s) as counted
    )::int as due_timers,
    (select min(due_at) from timers) as next_timer_at,
    (select count(*) from (select 1 from outbox limit %(most)s) as counted)::int as outbox_rows,
    (select created_at from outbox order by shard, id limit 1) as oldest_outbox_at,
    (
        select count(*)
        from (select 1 from effects where status = 'pending' limit %(most)s) as counted
    )::int as pending_effects,
    (
        select count(*)
        from (select 1 from dead_letters where status = 'open' limit %(most)s) as counted
    )::int as dead_letters,
    (
        select count(*)
        from (select 1 from decisions where result is null limit %(most)s) as counted
    )::int as held_decisions;

-- name: screen_workflow_names
select distinct name from workflows order by name;
