-- What must hold of a deployment, whatever has failed. Each `broken_` statement returns rows only where its
-- sentence (storage/invariants.py) does not hold: the first of them, and how many there are in all.
-- `since` is the smallest execution id that is looked at: ids are time-ordered.

-- name: broken_one_start_per_event
select e.workflow_name || ' by event ' || (e.metadata -> 'event' ->> 'id') as row, count(*) over () as total
from workflow_executions e
where e.id >= %(since)s::uuid and e.metadata -> 'event' ->> 'id' is not null
    and not e.metadata -> 'event' ? 'parent' and not e.metadata ? 'retry_of'
group by e.workflow_name, e.metadata -> 'event' ->> 'source', e.metadata -> 'event' ->> 'id'
having count(*) > 1
order by 1
limit 5;

-- name: broken_starts_exist
select v.event_id as row, count(*) over () as total
from events v
cross join lateral jsonb_array_elements_text(v.triggered_workflows) as t (execution_id)
where v.id >= %(since)s::uuid
    and not exists (select 1 from workflow_executions e where e.id = substr(t.execution_id, 6)::uuid)
order by 1
limit 5;

-- name: broken_one_resume_per_wait
select d.request_id as row, count(*) over () as total
from decisions d
where d.execution_id >= %(since)s::uuid and d.result = 'applied' and d.outcome <> all(%(notes)s::text[])
    and d.request_id is not null
group by d.request_id
having count(*) > 1
order by 1
limit 5;

-- name: broken_winner_is_the_outcome
select w.wait_id as row, count(*) over () as total
from decisions d
inner join waits w on w.wait_id = d.request_id and w.id = substr(d.request_id, 3)::uuid
where d.execution_id >= %(since)s::uuid and d.result = 'applied' and d.outcome <> all(%(notes)s::text[])
    and w.outcome is distinct from d.outcome
    and not exists (
        select 1 from approval_votes v where v.request_row_id = w.id and v.decision_id <> d.decision_id
    )
order by 1
limit 5;

-- name: broken_request_is_its_wait
select a.request_id as row, count(*) over () as total
from approval_requests a
left join waits w on w.id = a.id
where a.id >= %(since)s::uuid
    and (w.id is null or (a.status = 'pending') <> (w.status = 'open') or a.outcome is distinct from w.outcome)
order by 1
limit 5;

-- name: broken_nothing_is_left_of_the_ended
select r.row, count(*) over () as total
from (
    select e.execution_id || ' has ' || l.what as row
    from workflow_executions e
    cross join lateral (
        select 'an open wait' as what from waits w where w.execution_id = e.id and w.status = 'open'
        union all
        select 'a pending effect' from effects f where f.execution_id = e.id and f.status = 'pending'
        union all
        select 'an unfinished step' from step_executions s
        where s.execution_id = e.id and s.status in ('pending', 'running', 'waiting')
        union all
        select 'its trigger key' from trigger_keys k where k.execution_id = e.id
        union all
        select 'a place in a lane' from lanes n where n.execution_id = e.id
        union all
        select 'a watch' from watches h where h.execution_id = e.id
    ) as l
    where e.id >= %(since)s::uuid and e.status in ('completed', 'blocked', 'failed', 'cancelled')
    union all
    select n.execution_id || ' has a place in a lane and never began'
    from lanes n
    where n.execution_id >= %(since)s::uuid
        and not exists (select 1 from workflow_executions e where e.id = n.execution_id)
) as r
order by 1
limit 5;

-- name: broken_no_wait_ends_early
select
    w.wait_id || ' by ' || round(extract(epoch from w.due_at - w.closed_at) * 1000, 1) || ' ms' as row,
    count(*) over () as total
from waits w
where w.id >= %(since)s::uuid and w.outcome in ('elapsed', 'expired') and w.closed_at < w.due_at
order by 1
limit 5;

-- name: broken_in_time_beats_expiry
select d.decision_id as row, count(*) over () as total
from decisions d
inner join waits w on w.wait_id = d.request_id and w.id = substr(d.request_id, 3)::uuid
where d.execution_id >= %(since)s::uuid and d.code = 'expired' and w.outcome = 'expired'
    and d.received_at < w.due_at
    -- Decided without the decisions that could not be read in time, and alerted (the grace period).
    and w.closed_at < w.due_at + make_interval(secs => %(grace_seconds)s)
order by 1
limit 5;

-- name: broken_no_decision_is_orphaned
select d.decision_id as row, count(*) over () as total
from decisions d
inner join waits w on w.wait_id = d.request_id and w.id = substr(d.request_id, 3)::uuid
where w.id >= %(since)s::uuid and d.result is null
order by 1
limit 5;

-- name: broken_nobody_is_stuck
select e.execution_id || ' is ' || e.status as row, count(*) over () as total
from workflow_executions e
where e.id >= %(since)s::uuid and e.status in ('pending', 'running', 'paused')
    and split_part(coalesce(e.paused_reason, ''), ':', 1) <> 'hold'
    and not exists (select 1 from waits w where w.execution_id = e.id and w.status = 'open')
    and not exists (
        select 1 from timers t where t.execution_id = e.id and t.kind <> 'execution_timeout'
    )
    and not exists (select 1 from effects f where f.execution_id = e.id and f.status = 'pending')
    and not exists (select 1 from lanes n where n.execution_id = e.id and not n.running)
    and not exists (
        select 1 from workflow_executions c
        where c.id >= %(since)s::uuid and c.metadata -> 'event' -> 'parent' ->> 'id' = e.id::text
            and c.status in ('pending', 'running', 'paused')
    )
order by 1
limit 5;

-- name: broken_timers_fire
select t.id::text as row, count(*) over () as total
from timers t
where t.execution_id >= %(since)s::uuid and t.due_at < clock_timestamp() - make_interval(secs => %(patience_seconds)s)
order by 1
limit 5;

-- name: broken_effects_are_performed
select f.idempotency_key as row, count(*) over () as total
from effects f
where f.execution_id >= %(since)s::uuid and f.status = 'pending'
    and f.lease_until < clock_timestamp() - make_interval(secs => %(patience_seconds)s)
order by 1
limit 5;

-- name: broken_outbox_is_published
select o.id::text as row, count(*) over () as total
from outbox o
where o.created_at < clock_timestamp() - make_interval(secs => %(patience_seconds)s)
order by o.id
limit 5;

-- name: broken_one_dead_letter_per_record
select d.topic || '[' || d.partition || ']@' || d.record_offset as row, count(*) over () as total
from dead_letters d
where d.record_timestamp >= %(begun_at)s
group by d.topic, d.partition, d.record_offset, d.consumer_group, d.workflow, d.error_type, d.error_message
having count(*) > 1
order by 1
limit 5;

-- name: broken_votes_count_once
select v.decision_id as row, count(*) over () as total
from approval_votes v
where v.execution_id >= %(since)s::uuid
group by v.decision_id, v.request_row_id
having count(*) > 1
order by 1
limit 5;

-- name: missing_events
select r.event_id as row, count(*) over () as total
from json_to_recordset(%(rows)s::json) as r (event_id text)
where not exists (
        select 1 from event_ids i where i.source = %(source)s and i.event_id = r.event_id
    )
    and not exists (
        select 1 from dead_letters d
        where d.record_timestamp >= %(begun_at)s and d.record_key = convert_to(r.event_id, 'UTF8')
    )
order by 1
limit 5;

-- name: missing_decisions
select r.decision_id as row, count(*) over () as total
from json_to_recordset(%(rows)s::json) as r (decision_id text)
where not exists (
    select 1 from decisions d where d.decision_id = r.decision_id and d.result is not null
)
order by 1
limit 5;

-- name: missing_dead_letters
select r.record_key as row, count(*) over () as total
from json_to_recordset(%(rows)s::json) as r (record_key text)
left join dead_letters d
    on d.record_timestamp >= %(begun_at)s and d.record_key = convert_to(r.record_key, 'UTF8')
where d.id is null
order by 1
limit 5;

-- name: missing_webhooks
select f.idempotency_key as row, count(*) over () as total
from effects f
left join json_to_recordset(%(rows)s::json) as r (key text) on r.key = f.idempotency_key
where f.execution_id >= %(since)s::uuid and f.kind in ('webhook', 'http_request') and f.status = 'done'
    and r.key is null
order by 1
limit 5;

-- name: unknown_webhooks
select r.key as row, count(*) over () as total
from json_to_recordset(%(rows)s::json) as r (key text)
left join effects f on f.idempotency_key = r.key
where f.id is null
order by 1
limit 5;

-- name: broken_records_are_written_once
select e.execution_id || ' and ' || k.entity_type as row, count(*) over () as total
from workflow_executions e
cross join unnest(%(entity_types)s::text[]) as k (entity_type)
left join records r on r.entity_type = k.entity_type and r.entity_id = e.trigger_payload ->> 'n'
where e.id >= %(since)s::uuid and e.workflow_name = %(workflow)s and e.status = 'completed'
    and (r.entity_id is null or r.version <> 1)
order by 1
limit 5;

-- name: read_life_cycles
select e.id::text as id, e.execution_id, e.sequence, e.status
from workflow_executions e
where e.id >= %(since)s::uuid and e.id > %(after)s::uuid
order by e.id
limit %(limit)s;

-- name: read_wait_ends
select w.id::text as id, w.wait_id, w.status, w.outcome
from waits w
where w.id >= %(since)s::uuid and w.id > %(after)s::uuid
order by w.id
limit %(limit)s;

-- name: read_answers
select d.id, d.decision_id, d.result, d.code
from decisions d
where d.id > %(after)s and d.received_at >= %(begun_at)s and d.result is not null
    and d.code is distinct from 'duplicate'
order by d.id
limit %(limit)s;

-- name: read_dead_letter_places
select d.id, d.topic || ':' || d.partition || ':' || d.record_offset as place
from dead_letters d
where d.id > %(after)s and d.record_timestamp >= %(begun_at)s
order by d.id
limit %(limit)s;

-- name: read_written_records
select r.entity_type || '/' || r.entity_id as subject
from records r
where r.entity_type = any(%(entity_types)s::text[]) and r.created_at >= %(begun_at)s
    and r.entity_type || '/' || r.entity_id > %(after)s
order by 1
limit %(limit)s;

-- name: count_progress
select
    count(*) filter (where e.status in ('completed', 'blocked', 'failed', 'cancelled')) as ended,
    count(*) filter (where e.status = 'completed') as completed,
    count(*) filter (where e.status = 'failed') as failed,
    count(*) as started
from workflow_executions e
where e.id >= %(since)s::uuid and e.workflow_name = any(%(workflows)s::text[]);

-- name: count_event_progress
with mine as (
    select v.id, v.triggered_workflows
    from events v
    where v.id >= %(since)s::uuid and v.source = %(source)s
)
select
    (select count(*) from mine) as known,
    count(*) filter (where e.status in ('completed', 'blocked', 'failed', 'cancelled')) as ended,
    count(*) filter (where e.status = 'completed') as completed,
    count(*) filter (where e.status = 'failed') as failed,
    count(*) as started
from mine
cross join lateral jsonb_array_elements_text(mine.triggered_workflows) as t (execution_id)
inner join workflow_executions e on e.id = substr(t.execution_id, 6)::uuid;

-- name: count_unsettled
select
    (
        select count(*) from workflow_executions e
        where e.id >= %(since)s::uuid and e.status in ('pending', 'running')
    )
    + (select count(*) from outbox)
    + (
        select count(*) from effects f
        where f.execution_id >= %(since)s::uuid and f.status = 'pending'
    )
    + (
        select count(*) from decisions d
        where d.result is null and d.received_at >= %(begun_at)s
            and exists (select 1 from waits w where w.id = substr(d.request_id, 3)::uuid)
    ) as unsettled;

-- name: read_clock_and_positions
select clock_timestamp() as now, topic, partition, topic_id, next_offset, watermark
from positions
where group_id = %(group_id)s;

-- name: allow_long_statement
select
    set_config('statement_timeout', '300s', true),
    (select set_config(name, '0', true) from pg_settings where name = 'transaction_timeout') as limited;
