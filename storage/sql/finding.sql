-- name: use_custom_plans
-- Filters that are left out must vanish from the plan; a generic plan would keep them.
select set_config('plan_cache_mode', 'force_custom_plan', true) as plan_cache_mode;

-- name: find_executions
select e.id::text as id
from workflow_executions e
where (%(status)s::text is null or e.status = %(status)s)
    and (%(result)s::text is null or e.result = %(result)s)
    and (%(workflow)s::text is null or e.workflow_name = %(workflow)s)
    and (%(trigger)s::text is null or e.trigger_event = %(trigger)s)
    and (%(key)s::text is null or e.trigger_key = %(key)s)
    and (%(label)s::text is null or e.workflow_id = any(%(versions)s::uuid[]))
    and (%(since)s::timestamptz is null or e.started_at >= %(since)s)
    and (%(until)s::timestamptz is null or e.started_at < %(until)s)
    and (
        %(before_at)s::timestamptz is null
        or (e.started_at, e.id) < (%(before_at)s, %(before_id)s::uuid)
    )
order by e.started_at desc, e.id desc
limit %(limit)s;

-- name: find_executions_of_versions
-- Version by version: each is a short walk through an index, whatever the other workflows did.
select e.id::text as id
from unnest(%(versions)s::uuid[]) as v (id)
cross join lateral (
    select o.id, o.started_at
    from workflow_executions o
    where o.workflow_id = v.id
        and (%(status)s::text is null or o.status = %(status)s)
        and (%(result)s::text is null or o.result = %(result)s)
        and (%(trigger)s::text is null or o.trigger_event = %(trigger)s)
        and (%(since)s::timestamptz is null or o.started_at >= %(since)s)
        and (%(until)s::timestamptz is null or o.started_at < %(until)s)
        and (
            %(before_at)s::timestamptz is null
            or (o.started_at, o.id) < (%(before_at)s, %(before_id)s::uuid)
        )
    order by o.started_at desc, o.id desc
    limit %(limit)s
) as e
order by e.started_at desc, e.id desc
limit %(limit)s;

-- name: find_completed_executions
select e.id::text as id
from unnest(%(versions)s::uuid[]) as v (id)
cross join unnest(%(results)s::text[]) as r (result)
cross join lateral (
    select o.id, o.started_at
    from workflow_executions o
    where o.workflow_id = v.id
        and o.status = 'completed'
        and o.result = r.result
        and (%(trigger)s::text is null or o.trigger_event = %(trigger)s)
        and (%(since)s::timestamptz is null or o.started_at >= %(since)s)
        and (%(until)s::timestamptz is null or o.started_at < %(until)s)
        and (
            %(before_at)s::timestamptz is null
            or (o.started_at, o.id) < (%(before_at)s, %(before_id)s::uuid)
        )
    order by o.started_at desc, o.id desc
    limit %(limit)s
) as e
order by e.started_at desc, e.id desc
limit %(limit)s;

-- name: find_versions
select w.id::text as id
from workflows w
where (%(workflow)s::text is null or w.name = %(workflow)s)
    and (
        %(label)s::text is null
        or (%(label_value)s::text is null and w.labels ? %(label)s)
        or w.labels ->> %(label)s = %(label_value)s
    );

-- name: probe_held
-- The executions that wait for something, up to a number: few are sorted, of many the newest are
-- looked for. Their ids stay one text on their way there and back.
select count(*)::int as many, coalesce(array_agg(f.id)::text, '{}') as ids
from (
    select e.id
    from workflow_executions e
    where e.status = 'paused'
        and split_part(e.paused_reason, ':', 1) = %(waiting_on)s
        and split_part(e.paused_reason, ':', 1) not in ('approval', 'event', 'timer')
    limit %(most)s
) as f;

-- name: probe_waits_of_kind
select count(*)::int as many, coalesce(array_agg(f.id)::text, '{}') as ids
from (
    select w.execution_id as id
    from waits w
    where w.kind = %(waiting_on)s and w.kind <> 'approval' and w.status = 'open'
    limit %(most)s
) as f;

-- name: probe_approvals
select count(*)::int as many, coalesce(array_agg(f.id)::text, '{}') as ids
from (
    select a.execution_id as id
    from approval_requests a
    where a.status = 'pending'
    order by a.requested_at desc
    limit %(most)s
) as f;

-- name: probe_wait
select count(*)::int as many, coalesce(array_agg(w.execution_id)::text, '{}') as ids
from waits w
where w.id = %(wait_row)s and w.status = 'open';

-- name: probe_named
select count(*)::int as many, coalesce(array_agg(f.id)::text, '{}') as ids
from (
    (
        select w.execution_id as id
        from waits w
        where w.record ->> 'event' = %(waiting_on)s and w.kind = 'event' and w.status = 'open'
        limit %(most)s
    )
    union all
    (
        select a.execution_id
        from approval_requests a
        where a.status = 'pending'
            and (a.roles @> array[%(waiting_on)s::text] or a.users @> array[%(waiting_on)s::text])
        order by a.requested_at desc
        limit %(most)s
    )
    limit %(most)s
) as f;

-- name: find_executions_among
select distinct e.id::text as id, e.started_at
-- Looked up one by one: each id in its own partition only. With `offset 0` no join is made of it.
from unnest(%(ids)s::text::uuid[]) as f (id)
cross join lateral (select * from workflow_executions o where o.id = f.id offset 0) as e
where (%(status)s::text is null or e.status = %(status)s)
    and (%(result)s::text is null or e.result = %(result)s)
    and (%(workflow)s::text is null or e.workflow_name = %(workflow)s)
    and (%(trigger)s::text is null or e.trigger_event = %(trigger)s)
    and (%(key)s::text is null or e.trigger_key = %(key)s)
    and (%(label)s::text is null or e.workflow_id = any(%(versions)s::uuid[]))
    and (%(since)s::timestamptz is null or e.started_at >= %(since)s)
    and (%(until)s::timestamptz is null or e.started_at < %(until)s)
    and (
        %(before_at)s::timestamptz is null
        or (e.started_at, e.id) < (%(before_at)s, %(before_id)s::uuid)
    )
order by e.started_at desc, e.id::text desc
limit %(limit)s;

-- name: find_waiting_executions
select e.id::text as id
from unnest(array['paused', 'running', 'pending']) as s (status)
cross join lateral (
    select o.id, o.started_at
    from workflow_executions o
    where o.status = s.status
        and o.status in ('pending', 'running', 'paused')
        and (%(status)s::text is null or o.status = %(status)s)
        and (%(result)s::text is null or o.result = %(result)s)
        and (%(workflow)s::text is null or o.workflow_name = %(workflow)s)
        and (%(trigger)s::text is null or o.trigger_event = %(trigger)s)
        and (%(key)s::text is null or o.trigger_key = %(key)s)
        and (%(label)s::text is null or o.workflow_id = any(%(versions)s::uuid[]))
        and (%(since)s::timestamptz is null or o.started_at >= %(since)s)
        and (%(until)s::timestamptz is null or o.started_at < %(until)s)
        and (
            %(before_at)s::timestamptz is null
            or (o.started_at, o.id) < (%(before_at)s, %(before_id)s::uuid)
        )
        and (
            split_part(o.paused_reason, ':', 1) = %(waiting_on)s
            -- Looked up one by one: as conditions that exist they would read all waits first.
            or coalesce(
                (
                    select true
                    from waits w
                    where w.execution_id = o.id
                        and w.status = 'open'
                        and (w.kind = %(waiting_on)s or w.record ->> 'event' = %(waiting_on)s)
                    limit 1
                ),
                (
                    select true
                    from approval_requests a
                    where a.execution_id = o.id
                        and a.status = 'pending'
                        and (
                            a.roles @> array[%(waiting_on)s::text]
                            or a.users @> array[%(waiting_on)s::text]
                        )
                    limit 1
                ),
                false
            )
        )
    order by o.started_at desc, o.id desc
    limit %(limit)s
) as e
order by e.started_at desc, e.id desc
limit %(limit)s;

-- name: list_executions
select
    e.id::text as id, e.execution_id, e.workflow_name as workflow, e.workflow_version as version,
    e.trigger_event, e.trigger_key as key, e.status, e.result, e.started_at, e.completed_at,
    e.duration_ms, e.paused_at, e.paused_reason, e.next_step_id, e.error_code, e.error_message
from workflow_executions e
where e.id = any(%(ids)s::uuid[])
order by e.started_at desc, e.id desc;

-- name: find_open_requests
select a.id::text as id
from approval_requests a
where a.status = 'pending'
    and (%(role)s::text is null or a.roles @> array[%(role)s::text])
    and (
        %(user)s::text is null
        or a.users @> array[%(user)s::text]
        or a.roles && %(roles)s::text[]
    )
    -- Looked up one by one, of what is left: who asked and who is excluded may not decide.
    and (
        %(barred)s::text is null
        or not coalesce(
            (
                select
                    w.record -> 'exclude' ? %(barred)s
                    or (
                        w.record ->> 'requester' = %(barred)s
                        and coalesce(w.record ->> 'allow_requester', 'false') = 'false'
                    )
                from waits w
                where w.id = a.id
            ),
            false
        )
    )
    and (%(workflow)s::text is null or a.workflow_name = %(workflow)s)
    and (
        %(before_at)s::timestamptz is null
        or (a.requested_at, a.id) < (%(before_at)s, %(before_id)s::uuid)
    )
order by a.requested_at desc, a.id desc
limit %(limit)s;

-- name: find_requests
select a.id::text as id
from unnest(%(statuses)s::text[]) as s (status)
cross join lateral (
    select o.id, o.requested_at
    from approval_requests o
    where o.status = s.status
        and (%(role)s::text is null or o.roles @> array[%(role)s::text])
        and (%(user)s::text is null or o.users @> array[%(user)s::text])
        and (%(workflow)s::text is null or o.workflow_name = %(workflow)s)
        and (
            %(before_at)s::timestamptz is null
            or (o.requested_at, o.id) < (%(before_at)s, %(before_id)s::uuid)
        )
    order by o.requested_at desc, o.id desc
    limit %(limit)s
) as a
order by a.requested_at desc, a.id desc
limit %(limit)s;

-- name: list_approvals
select
    a.id::text as id, a.request_id, a.status, a.outcome, a.priority, a.requested_at, a.expires_at,
    a.decided_at, a.decided_by, a.decision_reason, a.roles, a.users, w.record
from approval_requests a
inner join waits w on w.id = a.id
where a.id = any(%(ids)s::uuid[])
order by a.requested_at desc, a.id desc;

-- name: find_waits
-- Approvals are found by their requests, whose indexes they share.
select f.id::text as id
from (
    select a.id, a.opened_at
    from unnest(%(approvals)s::text[]) as s (status)
    cross join lateral (
        select o.id, o.requested_at as opened_at
        from approval_requests o
        where o.status = s.status
            and (%(workflow)s::text is null or o.workflow_name = %(workflow)s)
            and (
                %(before_at)s::timestamptz is null
                or (o.requested_at, o.id) < (%(before_at)s, %(before_id)s::uuid)
            )
        order by o.requested_at desc, o.id desc
        limit %(limit)s
    ) as a
    union all
    select w.id, w.opened_at
    from unnest(%(kinds)s::text[]) as k (kind)
    cross join unnest(%(statuses)s::text[]) as s (status)
    cross join lateral (
        select o.id, o.opened_at
        from waits o
        where o.kind = k.kind
            and o.kind <> 'approval'
            and o.status = s.status
            and (%(workflow)s::text is null or o.record ->> 'workflow' = %(workflow)s)
            and (
                %(before_at)s::timestamptz is null
                or (o.opened_at, o.id) < (%(before_at)s, %(before_id)s::uuid)
            )
        order by o.opened_at desc, o.id desc
        limit %(limit)s
    ) as w
) as f
order by f.opened_at desc, f.id desc
limit %(limit)s;

-- name: list_waits
select
    w.id::text as id, w.wait_id, e.execution_id, e.workflow_name as workflow,
    e.workflow_version as version, w.step_path, w.kind, w.status, w.outcome, w.opened_at, w.due_at,
    w.closed_at, w.record ->> 'title' as title, w.record ->> 'event' as event,
    w.record -> 'match' as match
from waits w
inner join workflow_executions e on e.id = w.execution_id
where w.id = any(%(ids)s::uuid[])
order by w.opened_at desc, w.id desc;
