-- name: read_outbox
select id, messages
from outbox
where shard = any(%(shards)s::smallint[])
order by id
limit %(limit)s;

-- name: delete_outbox
delete from outbox where id = any(%(ids)s::bigint[]);

-- name: announce_open_waits
select w.id::text as id, w.wait_id, w.record
from waits w
where w.status = 'open' and w.id > %(after)s::uuid
order by w.id
limit 1000;
