-- name: read_positions
select topic, partition, topic_id, next_offset
from positions
where group_id = %(group_id)s and topic = any(%(topics)s::text[]);

-- name: insert_positions
insert into positions (group_id, topic, partition, topic_id, next_offset)
select %(group_id)s, r.topic, r.partition, r.topic_id, r.next_offset
from json_to_recordset(%(rows)s::json) as r (
    topic text, partition integer, topic_id text, next_offset bigint
)
on conflict do nothing;

-- name: restart_position
update positions
set topic_id = %(topic_id)s, next_offset = %(next_offset)s, watermark = null, updated_at = now()
where group_id = %(group_id)s and topic = %(topic)s and partition = %(partition)s
    and next_offset = %(expected)s and topic_id is not distinct from %(old_topic_id)s
returning partition;

-- name: list_positions
select group_id, topic, partition, topic_id, next_offset, watermark, updated_at
from positions
where group_id = %(group_id)s
order by topic, partition;
