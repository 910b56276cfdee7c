-- expand: columns that older programs leave at their defaults
-- Who reads a partition; still there after its end, it says that the worker died.
alter table positions add column holder text;
-- Where a worker died; a second death at the same place begins probation.
alter table positions add column stuck_at bigint;
-- Up to this offset records are taken few at a time, then one at a time, each try counted before it begins.
alter table positions add column probation_until bigint;
alter table positions add column probation_size integer;
alter table positions add column tried_offset bigint;
alter table positions add column tries integer not null default 0;

-- Length of a value of which only the beginning is kept; null when it is kept whole.
alter table dead_letters add column value_bytes bigint;
