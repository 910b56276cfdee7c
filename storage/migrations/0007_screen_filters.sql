-- expand: what lists are searched by, so that none of them reads a big table as a whole (docs/adr/0021)

-- The workflow that asks: requests are listed by it without a look at their executions.
alter table approval_requests add column workflow_name varchar(255);
update approval_requests a
set workflow_name = e.workflow_name
from workflow_executions e
where e.id = a.execution_id;

-- Those of one status, newest first; a list of all is five of these walks. Who may decide stands in the
-- indexes: a walk past many requests of other people reads no rows of theirs.
create index idx_approval_requests_listed
    on approval_requests (status, requested_at desc, id desc) include (roles, users);
create index idx_approval_requests_workflow
    on approval_requests (workflow_name, status, requested_at desc, id desc) include (roles, users);
drop index idx_approval_requests_open;

-- Approvals are listed by their requests: most executions, which wait for nothing else, cost nothing here.
create index idx_waits_listed on waits (kind, status, opened_at desc, id desc)
    include (execution_id)
    where kind <> 'approval';
create index idx_waits_workflow
    on waits ((record ->> 'workflow'), kind, status, opened_at desc, id desc)
    where kind <> 'approval';
create index idx_waits_event on waits ((record ->> 'event'))
    where status = 'open' and kind = 'event';

-- The counterpart of idx_executions_workflow_status: each execution is in one of the two.
create index idx_executions_workflow_completed
    on workflow_executions (workflow_id, result, started_at desc, id desc)
    where status = 'completed';
-- Paused by something that is no wait: a hold, a child, a step in doubt.
create index idx_executions_held on workflow_executions ((split_part(paused_reason, ':', 1)))
    where status = 'paused'
        and split_part(paused_reason, ':', 1) not in ('approval', 'event', 'timer');

create index idx_dead_letters_listed on dead_letters (status, id desc);
create index idx_dead_letters_topic on dead_letters (topic, id desc);
create index idx_dead_letters_error_type on dead_letters (error_type, id desc);
