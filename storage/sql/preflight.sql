-- name: read_server
select
    s.name, s.setting, s.source, current_database() as database, current_user as role,
    pg_is_in_recovery() as replica, clock_timestamp() as now
from pg_settings s
where s.name in ('fsync', 'full_page_writes', 'synchronous_commit', 'server_encoding')
order by s.name;

-- name: read_next_month
-- Null where it has no partitions yet.
select to_regclass('events_' || to_char(now() + interval '1 month', 'YYYY_MM'))::text as partition;
