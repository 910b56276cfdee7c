-- expand, online: housekeeping, bounds kept over transactions, autovacuum of what changes all the time.
insert into chores (name, done_until) values
    ('housekeeping', to_timestamp(0)), ('vacuum', to_timestamp(0))
on conflict do nothing;

-- How many executions one root has led to, over events and children (security.md, loop brakes).
create table if not exists root_starts (
    root uuid primary key,
    started bigint not null
) with (fillfactor = 50);

create index concurrently if not exists idx_commands_received_at on commands using brin (received_at);

-- How many approvals a requester has open; most requests name none.
create index concurrently if not exists idx_approval_requests_requester on approval_requests (requester_id)
where status = 'pending' and requester_id is not null;

-- Small tables whose rows come and go, or change with every batch: vacuumed by count, not by share.
alter table positions set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
alter table trigger_keys set (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);
alter table lanes set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
alter table watches set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
alter table gatherings set (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);
alter table root_starts set (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);
-- Held decisions are changed once; the share that dies is small, the table is not.
alter table decisions set (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1
);
