-- expand: a column that older programs leave at its default
-- Who came first of those that wait for their turn: ids tell it to the millisecond only. Those that wait already have
-- no place and go first.
create sequence lane_places;
alter table lanes add column place bigint;
alter table lanes alter column place set default nextval('lane_places');
