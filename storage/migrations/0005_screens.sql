-- What the screens search by: an execution's key, its workflow and status, who may decide a request.
create index idx_executions_key on workflow_executions (trigger_key, started_at desc, id desc)
    where trigger_key is not null;
-- What goes straight through is never in it: most executions cost nothing here.
create index idx_executions_workflow_status
    on workflow_executions (workflow_id, status, started_at desc, id desc)
    where status <> 'completed';
create index idx_executions_ended_badly on workflow_executions (status, started_at desc, id desc)
    where status in ('blocked', 'failed', 'cancelled');
create index idx_approval_requests_roles on approval_requests using gin (roles)
    where status = 'pending';
create index idx_approval_requests_users on approval_requests using gin (users)
    where status = 'pending';
