-- name: screen_inbox
select
    a.id::text as id, a.request_id, a.priority, a.requested_at, a.expires_at, a.roles, a.users,
    w.record ->> 'title' as title, w.record ->> 'workflow' as workflow,
    w.record ->> 'execution_id' as execution_id, w.record -> 'outcomes' as outcomes,
    coalesce((w.record ->> 'bulk')::boolean, false) as bulk,
    coalesce(w.record #>> '{view,amount}', w.record #>> '{view,total}') as amount,
    w.record #>> '{view,currency}' as currency, w.state
from approval_requests a
inner join waits w on w.id = a.id
where a.id = any(%(ids)s::uuid[])
order by a.requested_at desc, a.id desc;

-- name: count_executions
-- Counted up to a limit: nobody needs the exact number of a hundred thousand. Status by status,
-- because an index of some statuses is used only where they are named; in their order, so that no table is read instead.
select 'pending' as status, count(*)::int as many
from (
    select 1
    from workflow_executions
    where status = 'pending'
        and (%(since)s::timestamptz is null or started_at >= %(since)s)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
    order by started_at desc
    limit %(most)s
) as counted
union all
select 'running' as status, count(*)::int as many
from (
    select 1
    from workflow_executions
    where status = 'running'
        and (%(since)s::timestamptz is null or started_at >= %(since)s)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
    order by started_at desc
    limit %(most)s
) as counted
union all
select 'paused' as status, count(*)::int as many
from (
    select 1
    from workflow_executions
    where status = 'paused'
        and (%(since)s::timestamptz is null or started_at >= %(since)s)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
    order by started_at desc
    limit %(most)s
) as counted
union all
select 'failed' as status, count(*)::int as many
from (
    select 1
    from workflow_executions
    where status = 'failed'
        and (%(since)s::timestamptz is null or started_at >= %(since)s)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
    order by started_at desc
    limit %(most)s
) as counted
union all
select 'blocked' as status, count(*)::int as many
from (
    select 1
    from workflow_executions
    where status = 'blocked'
        and (%(since)s::timestamptz is null or started_at >= %(since)s)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
    order by started_at desc
    limit %(most)s
) as counted
union all
select 'cancelled' as status, count(*)::int as many
from (
    select 1
    from workflow_executions
    where status = 'cancelled'
        and (%(since)s::timestamptz is null or started_at >= %(since)s)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
    order by started_at desc
    limit %(most)s
) as counted
union all
select 'completed' as status, count(*)::int as many
from (
    select 1
    from unnest(%(versions)s::uuid[]) as v (id)
    cross join unnest(array['allowed', 'executed']) as r (result)
    cross join lateral (
        select 1
        from workflow_executions o
        where o.workflow_id = v.id
            and o.status = 'completed'
            and o.result = r.result
            and (%(since)s::timestamptz is null or o.started_at >= %(since)s)
            and (%(until)s::timestamptz is null or o.started_at < %(until)s)
        order by o.started_at desc
        limit %(most)s
    ) as e
    limit %(most)s
) as counted;

-- name: count_executions_of_versions
select s.status, (
    select count(*)
    from (
        select 1
        from unnest(%(versions)s::uuid[]) as v (id)
        cross join lateral (
            select 1
            from workflow_executions o
            where o.workflow_id = v.id
                and o.status = s.status
                and o.status <> 'completed'
                and (%(since)s::timestamptz is null or o.started_at >= %(since)s)
                and (%(until)s::timestamptz is null or o.started_at < %(until)s)
            order by o.started_at desc
            limit %(most)s
        ) as e
        limit %(most)s
    ) as counted
)::int as many
from unnest(array['pending', 'running', 'paused', 'failed', 'blocked', 'cancelled']) as s (status)
union all
select 'completed' as status, count(*)::int as many
from (
    select 1
    from unnest(%(versions)s::uuid[]) as v (id)
    cross join unnest(array['allowed', 'executed']) as r (result)
    cross join lateral (
        select 1
        from workflow_executions o
        where o.workflow_id = v.id
            and o.status = 'completed'
            and o.result = r.result
            and (%(since)s::timestamptz is null or o.started_at >= %(since)s)
            and (%(until)s::timestamptz is null or o.started_at < %(until)s)
        order by o.started_at desc
        limit %(most)s
    ) as e
    limit %(most)s
) as counted;

-- name: count_executions_of_key
-- Of the newest with a key: few keys have more.
select counted.status, count(*)::int as many
from (
    select status
    from workflow_executions
    where trigger_key = %(key)s
        and (%(workflow)s::text is null or workflow_name = %(workflow)s)
        and (%(since)s::timestamptz is null or started_at >= %(since)s)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
    order by started_at desc
    limit %(most)s
) as counted
group by counted.status;

-- name: find_shown_execution
-- By what a list shows of an id: its instant and its end.
select e.id::text as id
from workflow_executions e
where e.id >= (left(%(instant)s::text, 13) || '-0000-0000-000000000000')::uuid
    and e.id <= (left(%(instant)s::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    and right(replace(e.id::text, '-', ''), length(%(ending)s::text)) = %(ending)s
limit 2;

-- name: count_open_approvals
select count(*)::int as open
from (
    select 1 from approval_requests where status = 'pending' order by requested_at limit %(most)s
) as counted;

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

-- name: screen_steps
select
    id::text as id, step_id, step_path, step_type, attempt, status, started_at, completed_at,
    duration_ms, error_code, error_message
from step_executions
where execution_id = %(id)s
order by started_at, attempt, id
limit %(limit)s
offset %(after)s;

-- name: screen_standing_steps
-- What runs, waits or has failed, wherever in the course it stands: the newest, among the newest.
select
    id::text as id, step_id, step_path, step_type, attempt, status, started_at, completed_at,
    duration_ms, error_code, error_message
from (
    select *
    from step_executions
    where execution_id = %(id)s
    order by started_at desc
    limit %(most)s
) as newest
where status not in ('completed', 'skipped')
order by started_at desc
limit %(standing)s;

-- name: screen_marks
-- How each step of the definition stands, of all its passages: a loop writes a number into paths.
select min(n.step_path) as step_path, n.status, sum(n.attempts)::int as attempts
from (
    select distinct on (o.step_path)
        o.step_path, o.status, count(*) over (partition by o.step_path) as attempts
    from (
        select id, step_path, status, started_at, attempt
        from step_executions
        where execution_id = %(id)s
        order by started_at desc
        limit %(most)s
    ) as o
    order by o.step_path, o.started_at desc, o.attempt desc, o.id desc
) as n
group by regexp_replace(n.step_path, '/\d+(?=/|$)', '', 'g'), n.status;

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

-- name: screen_children
-- The ids of children begin with their parent's time, as those of waits do.
select
    e.execution_id, e.workflow_name as workflow, e.status,
    e.metadata #>> '{event,parent,step}' as step_path,
    coalesce((e.metadata #>> '{event,parent,awaited}')::boolean, false) as awaited
from workflow_executions e
where e.id >= (left(%(id)s::text, 13) || '-0000-0000-000000000000')::uuid
    and e.id <= (left(%(id)s::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    and e.metadata #>> '{event,parent,id}' = %(id)s::text
order by e.started_at, e.id
limit 50;

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
