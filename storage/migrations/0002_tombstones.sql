-- How far a chore of the housekeeping has come; one row per chore, locked by whoever does it.
create table chores (
    name text primary key,
    done_until timestamptz not null
);
insert into chores (name, done_until) values ('tombstones', now());

-- Rows close roughly in the order in which they were written: a few kilobytes find a minute's.
create index idx_waits_closed_at on waits using brin (closed_at) with (pages_per_range = 32);
