-- The rest of the language: children, votes, operators' doubts, cancelling events, lanes, gathered events.
alter table timers drop constraint timers_kind_check;
alter table timers add constraint timers_kind_check check (
    kind in (
        'expiry', 'retry', 'execution_timeout', 'step_timeout', 'reminder', 'escalation',
        'child_ended', 'cancel', 'start'
    )
);
-- What an input carries beside its instant: a child's end, who cancels.
alter table timers add column body jsonb;

alter table effects add column in_doubt text not null default 'retry'
    check (in_doubt in ('retry', 'fail', 'ask'));
-- False while it is certain that nobody began it: handed over before its turn.
alter table effects add column begun boolean not null default true;

alter table waits add column state jsonb;

create table approval_votes (
    id uuid primary key,
    request_row_id uuid not null,
    execution_id uuid not null,
    decision_id text not null,
    stage integer not null default 0,
    outcome text not null,
    decided_by text not null,
    decided_for text,
    reason text,
    form jsonb not null default '{}',
    voted_at timestamptz not null
);
create index idx_approval_votes_request on approval_votes (request_row_id);
create index idx_approval_votes_execution on approval_votes (execution_id);

create table approval_comments (
    id bigint generated always as identity primary key,
    request_row_id uuid not null,
    execution_id uuid not null,
    decision_id text not null,
    written_by text not null,
    comment text not null,
    written_at timestamptz not null
);
create index idx_approval_comments_request on approval_comments (request_row_id);

create table delegations (
    id bigint generated always as identity primary key,
    delegator text not null,
    delegate text not null,
    valid_from timestamptz not null,
    valid_until timestamptz not null,
    decision_id text not null,
    created_at timestamptz not null default now(),
    constraint period_has_length check (valid_until > valid_from),
    constraint delegated_to_another check (delegator <> delegate)
);
create index idx_delegations_delegator on delegations (delegator, delegate);

-- Events that cancel an unfinished execution (`cancel_on`).
create table watches (
    correlation text not null,
    execution_id uuid not null,
    primary key (correlation, execution_id)
);
create index idx_watches_execution on watches (execution_id);

-- Who runs and who waits under a limit (`concurrency`, `on_busy: queue`); in order of their ids.
create table lanes (
    workflow_name varchar(255) not null,
    lane text not null,
    execution_id uuid not null,
    most integer not null,
    running boolean not null,
    primary key (workflow_name, lane, execution_id)
);
create index idx_lanes_execution on lanes (execution_id);

-- Events held back until it is quiet (`debounce`) or enough have come (`batch`).
create table gatherings (
    workflow_name varchar(255) not null,
    version integer not null,
    trigger_number integer not null,
    key text not null,
    events jsonb not null,
    first_at timestamptz not null,
    due_at timestamptz not null,
    primary key (workflow_name, trigger_number, key)
);
create index idx_gatherings_due on gatherings (due_at);

create table schedules (
    name text primary key,
    workflow_name varchar(255) not null,
    version integer not null,
    trigger_number integer not null,
    enabled boolean not null default true,
    cron text not null,
    created_at timestamptz not null default now(),
    last_slot timestamptz,
    next_slot timestamptz,
    dropped bigint not null default 0,
    buffered jsonb,
    last_execution_id uuid
);
create index idx_schedules_next_slot on schedules (next_slot) where enabled;

-- Outgoing messages live for milliseconds: compressing them costs more than it saves.
alter table outbox alter column messages set storage external;
