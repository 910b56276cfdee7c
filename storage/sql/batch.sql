-- name: move_position
update positions
set next_offset = %(next_offset)s, watermark = %(watermark)s, updated_at = now()
where group_id = %(group_id)s and topic = %(topic)s and partition = %(partition)s
    and next_offset = %(expected)s
returning (select revision from catalog) as revision;

-- name: read_clock
select clock_timestamp() as now;

-- name: start_idle_timer
select 1;

-- name: claim_event_ids
insert into event_ids (source, event_id)
select r.source, r.event_id
from json_to_recordset(%(rows)s::json) as r (source text, event_id text)
on conflict do nothing
returning source, event_id;

-- name: claim_trigger_keys
insert into trigger_keys (workflow_name, key, execution_id)
select r.workflow_name, r.key, r.execution_id
from json_to_recordset(%(rows)s::json) as r (workflow_name text, key text, execution_id uuid)
on conflict do nothing
returning execution_id::text;

-- name: release_trigger_keys
delete from trigger_keys t
using json_to_recordset(%(rows)s::json) as r (workflow_name text, key text, execution_id uuid)
where t.workflow_name = r.workflow_name and t.key = r.key and t.execution_id = r.execution_id;

-- name: move_trigger_keys
update trigger_keys t
set execution_id = r.holder
from json_to_recordset(%(rows)s::json) as r (
    workflow_name text, key text, execution_id uuid, holder uuid
)
where t.workflow_name = r.workflow_name and t.key = r.key and t.execution_id = r.execution_id;

-- name: insert_events
insert into events (
    id, event_id, type, source, subject, topic, partition, record_offset, record_key, payload, meta,
    received_at, triggered_workflows
)
select
    r.id, r.event_id, r.type, r.source, r.subject, r.topic, r.partition, r.record_offset,
    r.record_key, r.payload, r.meta, r.received_at, r.triggered_workflows
from json_to_recordset(%(rows)s::json) as r (
    id uuid, event_id text, type text, source text, subject text, topic text, partition integer,
    record_offset bigint, record_key text, payload jsonb, meta jsonb, received_at timestamptz,
    triggered_workflows jsonb
)
on conflict (id) do nothing;

-- name: insert_executions
insert into workflow_executions (
    id, workflow_id, workflow_name, workflow_version, trigger_event, trigger_payload, trigger_key,
    context, status, result, started_at, completed_at, duration_ms, error_code, error_message,
    metadata, paused_at, paused_reason, paused_ms, resume_data, next_step_id, cursor, sequence
)
select
    r.id, r.workflow_id, r.workflow_name, r.workflow_version, r.trigger_event, r.trigger_payload,
    r.trigger_key, r.context, r.status, r.result, r.started_at, r.completed_at, r.duration_ms,
    r.error_code, r.error_message, r.metadata, r.paused_at, r.paused_reason, r.paused_ms,
    r.resume_data, r.next_step_id, r.cursor, r.sequence
from json_to_recordset(%(rows)s::json) as r (
    id uuid, workflow_id uuid, workflow_name text, workflow_version integer, trigger_event text,
    trigger_payload jsonb, trigger_key text, context jsonb, status text, result text,
    started_at timestamptz, completed_at timestamptz, duration_ms bigint, error_code text,
    error_message text, metadata jsonb, paused_at timestamptz, paused_reason text, paused_ms bigint,
    resume_data jsonb, next_step_id text, cursor jsonb, sequence integer
);

-- name: update_executions
update workflow_executions e
set
    context = r.context, status = r.status, result = r.result,
    started_at = coalesce(r.started_at, e.started_at), completed_at = r.completed_at,
    duration_ms = r.duration_ms, error_code = r.error_code, error_message = r.error_message,
    paused_at = r.paused_at, paused_reason = r.paused_reason, paused_ms = r.paused_ms,
    resume_data = r.resume_data, next_step_id = r.next_step_id, cursor = r.cursor,
    sequence = r.sequence
from json_to_recordset(%(rows)s::json) as r (
    id uuid, context jsonb, status text, result text, started_at timestamptz,
    completed_at timestamptz, duration_ms bigint, error_code text, error_message text, paused_at timestamptz, paused_reason text, paused_ms bigint,
    resume_data jsonb, next_step_id text, cursor jsonb, sequence integer
)
where e.id = r.id;

-- name: lock_executions
select
    id::text as id, workflow_name, workflow_version, trigger_event, trigger_payload, trigger_key,
    context, status, result, started_at, completed_at, error_code, error_message, metadata,
    paused_at, paused_ms, resume_data, cursor, sequence
from workflow_executions
where id = any(%(ids)s::uuid[])
order by id
for update;

-- name: load_open_waits
select
    execution_id::text as execution_id, wait_id, step_path, kind, opened_at, due_at, correlation,
    record, state
from waits
where execution_id = any(%(ids)s::uuid[]) and status = 'open'
order by opened_at, wait_id;

-- name: load_closed_waits
select w.execution_id::text as execution_id, w.wait_id, w.outcome, a.decided_by
from waits w
left join approval_requests a on a.id = w.id
where w.id = any(%(wait_ids)s::uuid[]) and w.status = 'closed';

-- name: find_wait_owners
select wait_id, execution_id::text as execution_id
from waits
where id = any(%(wait_ids)s::uuid[]);

-- name: find_event_waits
-- One correlation after the other; `behind` where an earlier event has yet to come to its last waits.
select
    f.wait_id, f.execution_id::text as execution_id, c.correlation,
    exists (select from chores r where starts_with(r.name, 'rest ' || c.correlation)) as behind
from unnest(%(correlations)s::text[]) as c (correlation)
cross join lateral (
    select w.id, w.wait_id, w.execution_id
    from waits w
    where w.correlation = c.correlation and w.status = 'open'
    limit %(limit)s
) as f
order by c.correlation collate "C", f.id
limit %(limit)s;

-- name: insert_signals
insert into signals (correlation, event_row_id, received_at, payload, meta)
select r.correlation, r.event_row_id, r.received_at, r.payload, r.meta
from json_to_recordset(%(rows)s::json) as r (
    correlation text, event_row_id uuid, received_at timestamptz, payload jsonb, meta jsonb
)
on conflict do nothing;

-- name: find_signals
-- What is kept for waits that are not written yet.
select k.correlation, k.event_row_id::text as event_row_id, k.payload, k.meta
from unnest(%(correlations)s::text[]) as c (correlation)
cross join lateral (
    select s.correlation, s.event_row_id, s.payload, s.meta, s.received_at
    from signals s
    where s.correlation = c.correlation and s.received_at >= %(since)s
    order by s.received_at, s.event_row_id
    limit %(limit)s
) as k
order by k.received_at, k.event_row_id;

-- name: find_met_waits
-- Of the next open waits, newest first, those that kept events may end, and how far that is. With ties:
-- the waits of one step, which opened at once, stay together. Each looks for itself: a join may read
-- all signals instead.
with page as (
    select w.id, w.correlation, w.since, w.opened_at
    from waits w
    where w.kind = 'event' and w.status = 'open'
        and w.opened_at >= %(since)s and w.opened_at < %(before)s
    order by w.opened_at desc
    fetch first 2000 rows with ties
)
select
    min(p.opened_at) as before,
    coalesce(array_agg(p.id::text) filter (where k.met), '{}') as ids
from page p
left join lateral (
    select true as met
    from signals s
    where s.correlation = p.correlation and s.received_at >= p.since
    limit 1
) as k on true;

-- name: meet_signals
-- `offset 0`: each wait looks for itself, as above. An event is its source and its id; what was stored
-- without a source is known by its id alone. Of two events of one millisecond and partition the offset
-- says which came first.
select
    w.id::text as id, w.wait_id, w.execution_id::text as execution_id, s.payload, s.meta,
    s.received_at, s.event_row_id::text as event_row_id
from unnest(%(wait_ids)s::uuid[]) as n (id)
cross join lateral (
    select o.id, o.wait_id, o.execution_id, o.correlation, o.since
    from waits o
    where o.id = n.id and o.status = 'open'
    offset 0
) as w
cross join lateral (
    select k.payload, k.meta, k.received_at, k.event_row_id
    from signals k
    where k.correlation = w.correlation and k.received_at >= w.since
    offset 0
) as s
cross join lateral (
    select x.metadata -> 'event' as event
    from workflow_executions x
    where x.id = w.execution_id
    offset 0
) as e
where (w.execution_id, s.received_at, s.event_row_id, w.id) > (
        %(execution_id)s::uuid, %(received_at)s::timestamptz, %(event_row_id)s::uuid, %(id)s::uuid
    )
    and (
        s.meta ->> 'id' is distinct from e.event ->> 'id'
        or s.meta ->> 'source' <> e.event ->> 'source'
    )
    and not (
        s.received_at = w.since
        and exists (
            select
            from events v
            inner join events t
                on t.topic = v.topic and t.partition = v.partition and t.record_offset > v.record_offset
            where v.id = s.event_row_id
                and t.event_id = e.event ->> 'id' and t.source = e.event ->> 'source'
        )
    )
order by w.execution_id, s.received_at, s.event_row_id, w.id
limit %(limit)s;

-- name: meet_rests
-- As above, by some events alone: waits that opened long ago have had all others.
select
    w.id::text as id, w.wait_id, w.execution_id::text as execution_id, s.payload, s.meta,
    s.received_at, s.event_row_id::text as event_row_id
from unnest(%(wait_ids)s::uuid[]) as n (id)
cross join lateral (
    select o.id, o.wait_id, o.execution_id, o.correlation, o.since
    from waits o
    where o.id = n.id and o.status = 'open'
    offset 0
) as w
cross join lateral (
    select k.payload, k.meta, k.received_at, k.event_row_id
    from signals k
    where k.correlation = w.correlation and k.event_row_id = any(%(events)s::uuid[])
        and k.received_at >= w.since
    offset 0
) as s
cross join lateral (
    select x.metadata -> 'event' as event
    from workflow_executions x
    where x.id = w.execution_id
    offset 0
) as e
where (w.execution_id, s.received_at, s.event_row_id, w.id) > (
        %(execution_id)s::uuid, %(received_at)s::timestamptz, %(event_row_id)s::uuid, %(id)s::uuid
    )
    and (
        s.meta ->> 'id' is distinct from e.event ->> 'id'
        or s.meta ->> 'source' <> e.event ->> 'source'
    )
    and not (
        s.received_at = w.since
        and exists (
            select
            from events v
            inner join events t
                on t.topic = v.topic and t.partition = v.partition and t.record_offset > v.record_offset
            where v.id = s.event_row_id
                and t.event_id = e.event ->> 'id' and t.source = e.event ->> 'source'
        )
    )
order by w.execution_id, s.received_at, s.event_row_id, w.id
limit %(limit)s;

-- name: find_rest_waits
-- With ties: the waits of one step, which belong to one execution, stay together.
select w.id::text as id, w.execution_id::text as execution_id
from waits w
where w.correlation = any(%(correlations)s::text[]) and w.status = 'open'
    and w.execution_id > %(after)s::uuid
order by w.execution_id
fetch first 2000 rows with ties;

-- name: find_rest_watches
select w.execution_id::text as execution_id
from watches w
where w.correlation = any(%(correlations)s::text[]) and w.execution_id > %(after)s::uuid
order by w.execution_id
fetch first 2000 rows with ties;

-- name: find_met_watches
-- Of the next watches those for which events are kept, and how far that is.
with page as (
    select w.correlation, w.execution_id
    from watches w
    where (w.correlation, w.execution_id) > (%(correlation)s, %(execution_id)s::uuid)
    order by w.correlation, w.execution_id
    limit 2000
)
select
    (array_agg(p.correlation order by p.correlation desc, p.execution_id desc))[1] as correlation,
    (array_agg(p.execution_id::text order by p.correlation desc, p.execution_id desc))[1]
        as execution_id,
    coalesce(array_agg(p.execution_id::text) filter (where k.met), '{}') as ids
from page p
left join lateral (
    select true as met from signals s where s.correlation = p.correlation limit 1
) as k on true;

-- name: meet_watches
select distinct on (w.execution_id) w.execution_id::text as execution_id, s.meta
from unnest(%(execution_ids)s::uuid[]) as n (id)
cross join lateral (
    select o.correlation, o.execution_id from watches o where o.execution_id = n.id offset 0
) as w
cross join lateral (
    select x.metadata -> 'event' as event, (x.metadata ->> 'triggered_at')::timestamptz as triggered_at
    from workflow_executions x
    where x.id = w.execution_id
    offset 0
) as e
cross join lateral (
    select k.meta, k.received_at, k.event_row_id
    from signals k
    where k.correlation = w.correlation and k.received_at >= e.triggered_at
    offset 0
) as s
where (
        s.meta ->> 'id' is distinct from e.event ->> 'id'
        or s.meta ->> 'source' <> e.event ->> 'source'
    )
    and not (
        s.received_at = e.triggered_at
        and exists (
            select
            from events v
            inner join events t
                on t.topic = v.topic and t.partition = v.partition and t.record_offset > v.record_offset
            where v.id = s.event_row_id
                and t.event_id = e.event ->> 'id' and t.source = e.event ->> 'source'
        )
    )
order by w.execution_id, s.received_at;

-- name: claim_sweep
-- Whoever moves the instant sweeps; whoever finds that it is not due only reads.
insert into chores as c (name, done_until)
select 'sweep', clock_timestamp()
where not exists (
    select from chores d
    where d.name = 'sweep'
        and d.done_until > clock_timestamp() - make_interval(secs => %(every_seconds)s)
)
on conflict (name) do update set done_until = excluded.done_until
where c.done_until <= clock_timestamp() - make_interval(secs => %(every_seconds)s)
returning c.done_until;

-- name: begin_sweep
select
    (select c.done_until from chores c where c.name = 'swept') as swept_until,
    (
        select coalesce(array_agg(c.name), '{}') from chores c where starts_with(c.name, 'rest ')
    ) as rests;

-- name: go_on_sweeping
update chores set done_until = clock_timestamp() where name = 'sweep';

-- name: note_sweep
insert into chores as c (name, done_until) values ('swept', %(swept_until)s)
on conflict (name) do update set done_until = greatest(c.done_until, excluded.done_until);

-- name: end_rests
delete from chores where name = any(%(rests)s::text[]);

-- name: leave_rests
-- What one transaction cannot bring to all that it is for: the next sweep does.
insert into chores (name, done_until)
select 'rest ' || r.correlation || ' ' || r.event_row_id, clock_timestamp()
from json_to_recordset(%(rows)s::json) as r (correlation text, event_row_id text)
on conflict do nothing;

-- name: hasten_sweep
update chores
set done_until = to_timestamp(0)
where name = 'sweep' and exists (select from chores r where starts_with(r.name, 'rest '));

-- name: insert_steps
insert into step_executions (
    id, execution_id, step_id, step_path, step_type, attempt, status, input, output, started_at,
    completed_at, duration_ms, error_code, error_message
)
select
    r.id, r.execution_id, r.step_id, r.step_path, r.step_type, r.attempt, r.status, r.input,
    r.output, r.started_at, r.completed_at, r.duration_ms, r.error_code, r.error_message
from json_to_recordset(%(rows)s::json) as r (
    id uuid, execution_id uuid, step_id text, step_path text, step_type text, attempt integer,
    status text, input jsonb, output jsonb, started_at timestamptz, completed_at timestamptz,
    duration_ms bigint, error_code text, error_message text
);

-- name: update_steps
update step_executions s
set
    status = r.status, input = coalesce(r.input, s.input), output = r.output,
    started_at = case when s.status = 'pending' then r.started_at else s.started_at end,
    completed_at = r.completed_at, error_code = r.error_code, error_message = r.error_message,
    duration_ms = (extract(epoch from r.completed_at - s.started_at) * 1000)::bigint
from json_to_recordset(%(rows)s::json) as r (
    id uuid, status text, input jsonb, output jsonb, started_at timestamptz,
    completed_at timestamptz, error_code text, error_message text
)
where s.id = r.id;

-- name: insert_waits
insert into waits (
    id, execution_id, step_path, kind, status, outcome, correlation, record, state, opened_at,
    since, due_at, closed_at
)
select
    r.id, r.execution_id, r.step_path, r.kind, r.status, r.outcome, r.correlation, r.record,
    r.state, r.opened_at, r.since, r.due_at, r.closed_at
from json_to_recordset(%(rows)s::json) as r (
    id uuid, execution_id uuid, step_path text, kind text, status text, outcome text,
    correlation text, record jsonb, state jsonb, opened_at timestamptz, since timestamptz,
    due_at timestamptz, closed_at timestamptz
);

-- name: change_waits
update waits w
set record = r.record, state = r.state
from json_to_recordset(%(rows)s::json) as r (id uuid, record jsonb, state jsonb)
where w.id = r.id and w.status = 'open';

-- name: change_approvals
update approval_requests a
set
    approver_role = r.approver_role, approver_id = r.approver_id, roles = r.roles, users = r.users
from json_to_recordset(%(rows)s::json) as r (
    id uuid, approver_role text, approver_id text, roles text[], users text[]
)
where a.id = r.id and a.status = 'pending';

-- name: insert_votes
insert into approval_votes (
    id, request_row_id, execution_id, decision_id, stage, outcome, decided_by, decided_for, reason,
    form, voted_at
)
select
    r.id, r.request_row_id, r.execution_id, r.decision_id, r.stage, r.outcome, r.decided_by,
    r.decided_for, r.reason, r.form, r.voted_at
from json_to_recordset(%(rows)s::json) as r (
    id uuid, request_row_id uuid, execution_id uuid, decision_id text, stage integer, outcome text,
    decided_by text, decided_for text, reason text, form jsonb, voted_at timestamptz
);

-- name: insert_comments
insert into approval_comments (
    request_row_id, execution_id, decision_id, written_by, comment, written_at
)
select r.request_row_id, r.execution_id, r.decision_id, r.written_by, r.comment, r.written_at
from json_to_recordset(%(rows)s::json) as r (
    request_row_id uuid, execution_id uuid, decision_id text, written_by text, comment text,
    written_at timestamptz
);

-- name: insert_delegations
insert into delegations (delegator, delegate, valid_from, valid_until, decision_id)
select r.delegator, r.delegate, r.valid_from, r.valid_until, r.decision_id
from json_to_recordset(%(rows)s::json) as r (
    delegator text, delegate text, valid_from timestamptz, valid_until timestamptz,
    decision_id text
);

-- name: find_delegations
select delegator, delegate, valid_from, valid_until
from delegations
where delegator = any(%(people)s::text[])
order by id desc
limit 10000;

-- name: insert_watches
insert into watches (correlation, execution_id)
select r.correlation, r.execution_id
from json_to_recordset(%(rows)s::json) as r (correlation text, execution_id uuid)
on conflict do nothing;

-- name: delete_watches
delete from watches where execution_id = any(%(ids)s::uuid[]);

-- name: find_watches
select
    f.correlation, f.execution_id::text as execution_id,
    exists (select from chores r where starts_with(r.name, 'rest ' || c.correlation)) as behind
from unnest(%(correlations)s::text[]) as c (correlation)
cross join lateral (
    select w.correlation, w.execution_id
    from watches w
    where w.correlation = c.correlation
    limit %(limit)s
) as f
order by c.correlation collate "C", f.execution_id
limit %(limit)s;

-- name: close_waits
update waits w
set status = 'closed', outcome = r.outcome, closed_at = r.closed_at
from json_to_recordset(%(rows)s::json) as r (id uuid, outcome text, closed_at timestamptz)
where w.id = r.id and w.status = 'open'
returning w.wait_id;

-- name: insert_approvals
insert into approval_requests (
    id, execution_id, step_path, entity_type, entity_id, requester_id, approver_role, approver_id,
    roles, users, priority, status, reason, decision_reason, decided_by, decided_for, requested_at,
    decided_at, expires_at, outcome, workflow_name
)
select
    r.id, r.execution_id, r.step_path, r.entity_type, r.entity_id, r.requester_id, r.approver_role,
    r.approver_id, r.roles, r.users, r.priority, r.status, r.reason, r.decision_reason,
    r.decided_by, r.decided_for, r.requested_at, r.decided_at, r.expires_at, r.outcome,
    r.workflow_name
from json_to_recordset(%(rows)s::json) as r (
    id uuid, execution_id uuid, step_path text, entity_type text, entity_id text, requester_id text,
    approver_role text, approver_id text, roles text[], users text[], priority text, status text,
    reason text, decision_reason text, decided_by text, decided_for text, requested_at timestamptz,
    decided_at timestamptz, expires_at timestamptz, outcome text, workflow_name text
);

-- name: close_approvals
update approval_requests a
set
    status = r.status, outcome = r.outcome, decision_reason = r.decision_reason,
    decided_by = r.decided_by, decided_for = r.decided_for, decided_at = r.decided_at
from json_to_recordset(%(rows)s::json) as r (
    id uuid, status text, outcome text, decision_reason text, decided_by text, decided_for text,
    decided_at timestamptz
)
where a.id = r.id and a.status = 'pending';

-- name: insert_timers
insert into timers (id, execution_id, wait_id, kind, due_at, body)
select r.id, r.execution_id, r.wait_id, r.kind, r.due_at, r.body
from json_to_recordset(%(rows)s::json) as r (
    id uuid, execution_id uuid, wait_id text, kind text, due_at timestamptz, body jsonb
)
on conflict (id) do update set due_at = excluded.due_at;

-- name: delete_timers
delete from timers
where id in (
    -- A timer that is being fired is locked; its firing finds the wait closed.
    select t.id from timers t where t.id = any(%(ids)s::uuid[]) for update skip locked
);

-- name: claim_due_timers
-- A subquery of `in` may be run again for each row: its limit would hold for each run alone.
with due as materialized (
    select t.id
    from timers t
    where t.due_at <= %(now)s
        and (
            t.due_at < %(decided_until)s
            or t.due_at < clock_timestamp() - make_interval(secs => %(grace_seconds)s)
            or t.kind <> 'expiry'
            or not exists (
                select 1 from waits w where w.id = substr(t.wait_id, 3)::uuid and w.kind = 'approval'
            )
        )
    order by t.due_at
    limit %(limit)s
    for update skip locked
)
delete from timers t
using due
where t.id = due.id
returning t.id::text as id, t.execution_id::text as execution_id, t.kind, t.due_at, t.body;

-- name: find_overdue_requests
-- Expiries of approvals that wait until the decisions before them have been read.
select t.due_at
from timers t
inner join waits w on w.id = substr(t.wait_id, 3)::uuid and w.kind = 'approval'
where t.kind = 'expiry' and t.due_at <= clock_timestamp()
order by t.due_at
limit 1;

-- name: insert_effects
insert into effects (
    id, execution_id, step_path, kind, params, secrets, idempotency_key, status, attempt, timeout_ms,
    in_doubt, begun, lease_until, lease_token
)
select
    r.id, r.execution_id, r.step_path, r.kind, r.params, r.secrets, r.idempotency_key, 'pending',
    r.attempt, r.timeout_ms, r.in_doubt, false,
    now() + make_interval(secs => r.timeout_ms / 1000.0 + %(grace_seconds)s), %(lease_token)s
from json_to_recordset(%(rows)s::json) as r (
    id uuid, execution_id uuid, step_path text, kind text, params jsonb, secrets jsonb,
    idempotency_key text, attempt integer, timeout_ms bigint, in_doubt text
);

-- name: drop_effects
update effects
set status = 'dropped', finished_at = now()
where id = any(%(ids)s::uuid[]) and status = 'pending';

-- name: begin_effects
-- Where the lease lasts long enough it stays: no index needs a new entry then.
update effects f
set
    begun = true,
    lease_until = case
        when
            f.lease_until
            > now() + make_interval(secs => f.timeout_ms / 1000.0 + %(grace_seconds)s * 0.7)
            then f.lease_until
        else now() + make_interval(secs => f.timeout_ms / 1000.0 + %(grace_seconds)s)
    end
where f.id = any(%(ids)s::uuid[]) and f.status = 'pending' and f.lease_token = %(lease_token)s
returning f.id::text as id;

-- name: renew_effects
-- A row that is being finished, dropped or taken over is locked, and none of this.
update effects f
set lease_until = now() + make_interval(secs => f.timeout_ms / 1000.0 + %(grace_seconds)s)
from (
    select o.id
    from effects o
    where o.id = any(%(ids)s::uuid[]) and o.status = 'pending' and o.lease_token = %(lease_token)s
        and o.lease_until
        < now() + make_interval(secs => (o.timeout_ms / 1000.0 + %(grace_seconds)s) / 2)
    for update skip locked
) as held
where f.id = held.id
returning f.id::text as id;

-- name: claim_effects
with left_behind as materialized (
    select o.id
    from effects o
    where o.status = 'pending' and o.lease_until < now() and o.id <> all(%(held)s::uuid[])
    order by o.lease_until
    limit %(limit)s
    for update skip locked
)
update effects f
set
    lease_token = %(lease_token)s,
    lease_until = now() + make_interval(secs => f.timeout_ms / 1000.0 + %(grace_seconds)s)
from left_behind
where f.id = left_behind.id
returning
    f.id::text as id, f.execution_id::text as execution_id, f.step_path, f.kind, f.params,
    f.secrets, f.idempotency_key, f.attempt, f.timeout_ms, f.in_doubt, f.begun;

-- name: finish_effects
update effects f
set
    status = r.status, finished_at = now(), output = r.output, error_code = r.error_code,
    error_message = r.error_message
from json_to_recordset(%(rows)s::json) as r (
    id uuid, status text, output jsonb, error_code text, error_message text
)
where f.id = r.id and f.status = 'pending' and f.lease_token = %(lease_token)s
returning f.id::text as id;

-- name: release_effects
update effects
set lease_until = now(), begun = begun and id <> all(%(untouched)s::uuid[])
where status = 'pending' and lease_token = %(lease_token)s;

-- name: insert_outbox
insert into outbox (shard, messages) values (%(shard)s, %(messages)s)
returning id;

-- name: known_decisions
-- The condition is that of the unique index: without it the whole table would be read.
select decision_id
from decisions
where decision_id = any(%(ids)s::text[]) and (code is null or code <> 'duplicate');

-- name: insert_decisions
insert into decisions (
    decision_id, execution_id, request_id, outcome, decided_by, reason, form, body, received_at,
    topic, partition, record_offset, result, code, message, answered_at
)
select
    r.decision_id, r.execution_id, r.request_id, r.outcome, r.decided_by, r.reason, r.form, r.body,
    r.received_at, r.topic, r.partition, r.record_offset, r.result, r.code, r.message, r.answered_at
from json_to_recordset(%(rows)s::json) as r (
    decision_id text, execution_id uuid, request_id text, outcome text, decided_by text, reason text,
    form jsonb, body jsonb, received_at timestamptz, topic text, partition integer,
    record_offset bigint, result text, code text, message text, answered_at timestamptz
);

-- name: count_held_decisions
select count(*) as held from (select 1 from decisions where result is null limit 1) as h;

-- name: claim_held_decisions
select
    d.id, d.decision_id, d.execution_id::text as execution_id, d.request_id, d.body, d.received_at,
    d.received_at < now() - make_interval(secs => %(keep_seconds)s) as given_up
from decisions d
where d.result is null
    and (
        d.received_at < now() - make_interval(secs => %(keep_seconds)s)
        or case
            when d.request_id ~* '^w_[0-9a-f]{32}$' then exists (
                select 1 from waits w where w.id = substr(d.request_id, 3)::uuid
            )
            else false
        end
        or exists (
            select 1
            from workflow_executions e
            where e.id = d.execution_id
                and e.status in ('completed', 'blocked', 'failed', 'cancelled')
        )
        or (
            d.request_id is null
            and exists (
                select 1
                from waits w
                where w.execution_id = d.execution_id and w.status = 'open' and w.kind = 'approval'
            )
        )
    )
order by d.id
limit 500
for update skip locked;

-- name: answer_held_decisions
update decisions d
set
    result = r.result, code = r.code, message = r.message, answered_at = r.answered_at,
    execution_id = coalesce(d.execution_id, r.execution_id),
    request_id = coalesce(d.request_id, r.request_id)
from json_to_recordset(%(rows)s::json) as r (
    id bigint, execution_id uuid, request_id text, result text, code text, message text, answered_at timestamptz
)
where d.id = r.id;

-- name: insert_dead_letters
insert into dead_letters (
    topic, partition, record_offset, record_timestamp, record_key, value, value_bytes, headers,
    consumer_group, error_type, error_message, attempts, execution_id, workflow, life
)
values (
    %(topic)s, %(partition)s, %(record_offset)s, %(record_timestamp)s, %(record_key)s, %(value)s,
    %(value_bytes)s, %(headers)s, %(consumer_group)s, %(error_type)s, %(error_message)s, %(attempts)s,
    %(execution_id)s, %(workflow)s, %(life)s
);

-- name: create_records
insert into records (entity_type, entity_id, data)
select r.entity_type, r.entity_id, r.data
from json_to_recordset(%(rows)s::json) as r (entity_type text, entity_id text, data jsonb)
on conflict do nothing
returning entity_type, entity_id, version;

-- name: upsert_records
insert into records as t (entity_type, entity_id, data)
select r.entity_type, r.entity_id, r.data
from json_to_recordset(%(rows)s::json) as r (entity_type text, entity_id text, data jsonb)
on conflict (entity_type, entity_id) do update
set data = t.data || excluded.data, version = t.version + 1, updated_at = now()
returning t.entity_type, t.entity_id, t.version;

-- name: update_expected_records
update records t
set data = t.data || r.data, version = t.version + 1, updated_at = now()
from json_to_recordset(%(rows)s::json) as r (
    entity_type text, entity_id text, data jsonb, expected_version integer
)
where t.entity_type = r.entity_type and t.entity_id = r.entity_id and t.version = r.expected_version
returning t.entity_type, t.entity_id, t.version;

-- name: find_trigger_keys
select t.workflow_name, t.key, t.execution_id::text as execution_id
from trigger_keys t
inner join json_to_recordset(%(rows)s::json) as r (workflow_name text, key text)
    on t.workflow_name = r.workflow_name and t.key = r.key;

-- name: lock_lanes
select pg_advisory_xact_lock(hashtextextended(r.workflow_name || chr(31) || r.lane, 7))
from json_to_recordset(%(rows)s::json) as r (workflow_name text, lane text);

-- name: count_lanes
select l.workflow_name, l.lane, count(*) filter (where l.running)::int as running
from lanes l
inner join json_to_recordset(%(rows)s::json) as r (workflow_name text, lane text)
    on l.workflow_name = r.workflow_name and l.lane = r.lane
group by l.workflow_name, l.lane;

-- name: insert_lanes
insert into lanes (workflow_name, lane, execution_id, most, running)
select r.workflow_name, r.lane, r.execution_id, r.most, r.running
from json_to_recordset(%(rows)s::json) as r (
    workflow_name text, lane text, execution_id uuid, most integer, running boolean
)
on conflict do nothing;

-- name: leave_lanes
delete from lanes where execution_id = any(%(ids)s::uuid[])
returning workflow_name, lane;

-- name: find_waiting_in_lanes
-- The first ones with all their lanes: room for a few is all that one end makes. Their ids begin with the millisecond
-- of what started them; of one millisecond it is first come, first served.
select l.workflow_name, l.lane, l.most, l.execution_id::text as execution_id
from lanes l
inner join (
    select o.execution_id, left(o.execution_id::text, 13) as started, min(o.place) as place
    from lanes o
    inner join json_to_recordset(%(rows)s::json) as r (workflow_name text, lane text)
        on o.workflow_name = r.workflow_name and o.lane = r.lane
    where not o.running
    group by o.execution_id
    order by started, place nulls first
    limit 100
) as w on w.execution_id = l.execution_id
order by w.started, w.place nulls first;

-- name: enter_lanes
update lanes set running = true where execution_id = any(%(ids)s::uuid[]);

-- name: lock_gathering_places
-- Also where no row is yet: two first events at once must not write one over the other.
select pg_advisory_xact_lock(
    hashtextextended(r.workflow_name || chr(31) || r.trigger_number || chr(31) || r.key, 11)
)
from json_to_recordset(%(rows)s::json) as r (
    workflow_name text, trigger_number integer, key text
);

-- name: lock_gatherings
select g.workflow_name, g.version, g.trigger_number, g.key, g.events, g.first_at, g.due_at
from gatherings g
inner join json_to_recordset(%(rows)s::json) as r (
    workflow_name text, trigger_number integer, key text
)
    on g.workflow_name = r.workflow_name and g.trigger_number = r.trigger_number and g.key = r.key
order by g.workflow_name, g.trigger_number, g.key
for update of g;

-- name: upsert_gatherings
insert into gatherings (workflow_name, version, trigger_number, key, events, first_at, due_at)
select r.workflow_name, r.version, r.trigger_number, r.key, r.events, r.first_at, r.due_at
from json_to_recordset(%(rows)s::json) as r (
    workflow_name text, version integer, trigger_number integer, key text, events jsonb,
    first_at timestamptz, due_at timestamptz
)
on conflict (workflow_name, trigger_number, key) do update
set
    version = excluded.version, events = excluded.events, first_at = excluded.first_at,
    due_at = excluded.due_at;

-- name: delete_gatherings
delete from gatherings g
using json_to_recordset(%(rows)s::json) as r (
    workflow_name text, trigger_number integer, key text
)
where g.workflow_name = r.workflow_name and g.trigger_number = r.trigger_number and g.key = r.key;

-- name: claim_due_gatherings
with due as materialized (
    select g.workflow_name, g.trigger_number, g.key
    from gatherings g
    where g.due_at <= clock_timestamp()
    order by g.due_at
    limit 100
    for update skip locked
)
delete from gatherings g
using due d
where g.workflow_name = d.workflow_name and g.trigger_number = d.trigger_number and g.key = d.key
returning g.workflow_name, g.version, g.trigger_number, g.key, g.events, g.first_at;

-- name: known_commands
select command_id from commands where command_id = any(%(ids)s::text[]);

-- name: insert_commands
insert into commands (
    command_id, kind, execution_id, workflow, data, by, reason, received_at, result, code, message,
    answered_at
)
select
    r.command_id, r.kind, r.execution_id, r.workflow, r.data, r.by, r.reason, r.received_at,
    r.result, r.code, r.message, r.answered_at
from json_to_recordset(%(rows)s::json) as r (
    command_id text, kind text, execution_id uuid, workflow text, data jsonb, by text, reason text,
    received_at timestamptz, result text, code text, message text, answered_at timestamptz
);

-- name: claim_due_schedules
select
    name, workflow_name, version, trigger_number, created_at, last_slot, buffered,
    last_execution_id::text as last_execution_id, clock_timestamp() as now
from schedules
where enabled and (next_slot is null or next_slot <= clock_timestamp() or buffered is not null)
order by next_slot nulls first
limit 20
for update skip locked;

-- name: move_schedule
update schedules
set
    last_slot = %(last_slot)s, next_slot = %(next_slot)s, dropped = dropped + %(dropped)s,
    buffered = %(buffered)s::jsonb,
    last_execution_id = coalesce(%(execution_id)s::uuid, last_execution_id)
where name = %(name)s;

-- name: find_roots
select e.id::text as id, coalesce(e.metadata -> 'event' ->> 'root', e.id::text) as root
from workflow_executions e
where e.id = any(%(ids)s::uuid[]);

-- name: count_root_starts
-- The root itself is one of them.
insert into root_starts (root, started)
select r.root, r.started + 1
from json_to_recordset(%(rows)s::json) as r (root uuid, started integer)
on conflict (root) do update set started = root_starts.started + excluded.started - 1
returning root::text as root, started;

-- name: count_open_requests
select a.requester_id as requester, count(*)::int as number
from approval_requests a
where a.status = 'pending' and a.requester_id = any(%(requesters)s::text[])
    and a.id <> all(%(closed)s::uuid[])
group by a.requester_id;
