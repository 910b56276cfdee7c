-- name: find_dead_letters
select
    id, topic, partition, record_offset, record_timestamp, error_type, error_message, attempts,
    failed_at, status, workflow
from dead_letters
where (%(before)s::bigint is null or id < %(before)s)
    and (%(topic)s::text is null or topic = %(topic)s)
    and (%(error_type)s::text is null or error_type = %(error_type)s)
    and (%(since)s::timestamptz is null or failed_at >= %(since)s)
    and (%(status)s::text is null or status = %(status)s)
order by id desc
limit %(limit)s;

-- name: find_open_dead_letter_ids
select id
from dead_letters
where status = 'open'
    and (%(topic)s::text is null or topic = %(topic)s)
    and (%(error_type)s::text is null or error_type = %(error_type)s)
    and (%(since)s::timestamptz is null or failed_at >= %(since)s)
order by id;

-- name: get_dead_letter
select *
from dead_letters
where id = %(id)s;

-- name: lock_dead_letter
select *
from dead_letters
where id = %(id)s
for update;

-- name: settle_dead_letter
update dead_letters set status = %(status)s where id = %(id)s;

-- name: insert_redrive
insert into redrives (dead_letter_id, action, asked_by, reason, idempotency_key)
values (%(id)s, %(action)s, %(asked_by)s, %(reason)s, %(idempotency_key)s);

-- name: find_redrives
select action, asked_by, reason, idempotency_key, asked_at
from redrives
where dead_letter_id = %(id)s
order by id;

-- name: take_redrives
with asked as (
    select r.place, d.id, d.workflow, d.taken_at
    from json_to_recordset(%(rows)s::json) as r (place text, id bigint, topic text, value text)
    inner join dead_letters d
        on d.id = r.id
            and d.topic = r.topic
            and d.value is not distinct from decode(r.value, 'base64')
    where d.workflow is not null
    for update of d
), taken as (
    update dead_letters d
    set taken_at = now()
    from asked a
    where d.id = a.id and a.taken_at is null
)
select place, id, workflow, taken_at is not null as spent
from asked
order by place;

-- name: find_event_origins
select v.id::text as id, v.source, v.event_id, v.received_at
from json_to_recordset(%(rows)s::json) as r (source text, event_id text)
inner join events v on v.event_id = r.event_id and v.source = r.source
order by v.id;

-- name: add_triggered_workflows
update events v
set triggered_workflows = v.triggered_workflows || r.started
from json_to_recordset(%(rows)s::json) as r (id uuid, started jsonb)
where v.id = r.id;
