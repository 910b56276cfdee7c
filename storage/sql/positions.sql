-- name: read_positions
select topic, partition, topic_id, next_offset, life
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
set topic_id = %(topic_id)s, next_offset = %(next_offset)s, watermark = null, updated_at = now(),
    stuck_at = null, probation_until = null, probation_size = null, tried_offset = null, tries = 0,
    life = life + (topic_id is distinct from %(topic_id)s)::integer
where group_id = %(group_id)s and topic = %(topic)s and partition = %(partition)s
    and next_offset = %(expected)s and topic_id is not distinct from %(old_topic_id)s
returning life;

-- name: name_topic
update positions
set topic_id = %(topic_id)s
where group_id = %(group_id)s and topic = %(topic)s and partition = %(partition)s
    and topic_id is null
returning partition;

-- name: list_positions
select group_id, topic, partition, topic_id, next_offset, watermark, updated_at
from positions
where group_id = %(group_id)s
order by topic, partition;

-- name: hold_positions
with asked as (
    select r.topic, r.partition, r.log_end
    from json_to_recordset(%(rows)s::json) as r (topic text, partition integer, log_end bigint)
), before as (
    select
        p.topic, p.partition, p.next_offset, p.stuck_at,
        p.next_offset < coalesce(p.probation_until, 0) as careful,
        p.holder is not null and p.holder <> %(holder)s and p.next_offset < a.log_end as died,
        coalesce(p.holder = %(holder)s, false) as held, p.holder as holder_before
    from positions p
    inner join asked a on a.topic = p.topic and a.partition = p.partition
    where p.group_id = %(group_id)s
    order by p.topic, p.partition
    for update of p skip locked
)
update positions p
set holder = %(holder)s,
    stuck_at = case when b.held then p.stuck_at when b.died then p.next_offset end,
    probation_until = case
        when b.died and not b.careful and b.stuck_at = b.next_offset then p.next_offset + %(span)s
        else p.probation_until
    end,
    probation_size = case
        when b.died and b.careful then 1
        when b.died and b.stuck_at = b.next_offset then %(size)s
        else p.probation_size
    end
from before b
where p.group_id = %(group_id)s and p.topic = b.topic and p.partition = b.partition
returning p.topic, p.partition, p.next_offset, p.probation_until, p.probation_size, b.holder_before;

-- name: free_effects_of_the_dead
-- Whoever holds no partition any more does not record what comes of its calls either.
update effects e
set lease_until = now()
where e.status = 'pending' and e.lease_token = any(%(holders)s)
    and not exists (
        select 1 from positions p
        where p.group_id = %(group_id)s and p.holder = e.lease_token
    );

-- name: begin_try
update positions
set tries = case when tried_offset = %(record_offset)s then tries + 1 else 1 end,
    tried_offset = %(record_offset)s
where group_id = %(group_id)s and topic = %(topic)s and partition = %(partition)s
    and next_offset = %(expected)s
returning tries;

-- name: release_positions
update positions p
set holder = null, stuck_at = null, tried_offset = null, tries = 0
from json_to_recordset(%(rows)s::json) as r (topic text, partition integer)
where p.group_id = %(group_id)s and p.holder = %(holder)s
    and p.topic = r.topic and p.partition = r.partition;
