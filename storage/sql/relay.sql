-- name: read_outbox
-- By bytes, and one row at least: many small transactions leave many small rows, a full batch few large
-- ones. Where the lengths stand, no message is read.
select id, case when id = any(%(known)s::bigint[]) then null else messages end as messages
from (
    select
        id, messages,
        sum(octet_length(messages)) over (order by id) - octet_length(messages) as bytes_before
    from (
        select id, messages
        from outbox
        where shard = any(%(shards)s::smallint[])
        order by id
        limit %(limit)s
    ) as oldest
) as measured
where bytes_before < %(bytes)s
order by id;

-- name: delete_outbox
delete from outbox where id = any(%(ids)s::bigint[]);

-- name: announce_open_waits
select
    w.id::text as id, w.wait_id, w.step_path, w.kind, w.opened_at, w.due_at, w.correlation, w.record,
    w.state
from waits w
where w.status = 'open' and w.id > %(after)s::uuid
order by w.id
limit 200
-- One that is being closed is waited for, and then left out: nothing opens after its end.
for share;

-- name: claim_tombstones
select done_until, clock_timestamp() - make_interval(secs => %(after_seconds)s) as due_until
from chores
where name = 'tombstones'
for update skip locked;

-- name: waits_closed_between
select w.wait_id, e.execution_id, w.closed_at
from waits w
inner join workflow_executions e on e.id = w.execution_id
where w.status = 'closed' and w.closed_at > %(done_until)s and w.closed_at <= %(due_until)s
order by w.closed_at
fetch first 1000 rows with ties;

-- name: note_tombstones
update chores set done_until = %(done_until)s where name = 'tombstones';

-- name: find_waiting_topic
select substr(name, 9) as id from chores where starts_with(name, 'waiting ');

-- name: forget_waiting_topic
delete from chores where starts_with(name, 'waiting ');

-- name: note_waiting_topic
insert into chores (name, done_until) values ('waiting ' || %(id)s, clock_timestamp())
on conflict do nothing;
