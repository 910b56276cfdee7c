-- name: claim_chore
-- Whoever moves the instant does the chore; the others find it done.
update chores
set done_until = clock_timestamp()
where name = %(name)s
    and done_until <= clock_timestamp() - make_interval(secs => %(every_seconds)s)
returning done_until as now;

-- name: trim_effects
with gone as (
    delete from effects
    where (id) in (
        select id from effects
        where id >= %(low)s and id < %(high)s
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_votes
with gone as (
    delete from approval_votes
    where (id) in (
        select id from approval_votes
        where id >= %(low)s and id < %(high)s
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_comments
with gone as (
    delete from approval_comments
    where (id) in (
        select id from approval_comments
        where request_row_id >= %(low)s and request_row_id < %(high)s
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_decisions
with gone as (
    delete from decisions
    where (id) in (
        select id from decisions
        where execution_id >= %(low)s and execution_id < %(high)s
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_root_starts
with gone as (
    delete from root_starts
    where (root) in (
        select root from root_starts
        where root >= %(low)s and root < %(high)s
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_stray_executions
-- Replays of old records land in the default partitions; their steps and requests go with them.
with gone as (
    delete from workflow_executions_default
    where (id) in (
        select id from workflow_executions_default
        where id < %(low)s and completed_at < %(before)s
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_stray_waits
with gone as (
    delete from waits_default
    where (id) in (
        select id from waits_default
        where id < %(low)s and closed_at < %(before)s
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_stray_events
with gone as (
    delete from events_default
    where (id) in (
        select id from events_default
        where id < %(low)s and received_at < %(before)s
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_event_ids
with gone as (
    delete from event_ids
    where (source, event_id) in (
        select source, event_id from event_ids
        where received_at < %(before)s
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_signals
with gone as (
    delete from signals
    where (correlation, event_row_id) in (
        select correlation, event_row_id from signals
        where received_at < %(before)s
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_commands
with gone as (
    delete from commands
    where (command_id) in (
        select command_id from commands
        where received_at < %(before)s and result is not null
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_orphaned_decisions
-- Decisions about nothing that we know.
with gone as (
    delete from decisions
    where (id) in (
        select id from decisions
        where execution_id is null and received_at < %(before)s and result is not null
        order by id
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_redrives
with gone as (
    delete from redrives
    where (id) in (
        select id from redrives
        where dead_letter_id in (
            select d.id from dead_letters d where d.status <> 'open' and d.failed_at < %(before)s
        )
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: trim_dead_letters
-- Those that nobody has dealt with stay.
with gone as (
    delete from dead_letters
    where (id) in (
        select id from dead_letters
        where status <> 'open' and failed_at < %(before)s
            and not exists (select from redrives r where r.dead_letter_id = dead_letters.id)
        order by id
        limit %(limit)s
        for update skip locked
    )
    returning 1
)
select count(*)::int as gone from gone;

-- name: vacuum_queues
-- Their rows live for moments: what is dead in them is room for the next ones.
vacuum (skip_locked, truncate false) outbox, timers, trigger_keys, lanes, positions;
