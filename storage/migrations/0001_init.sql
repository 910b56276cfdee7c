-- Executions and what belongs to them. Big tables are partitioned by their time-ordered id; the ids of
-- children share the time bits of their execution, so one month's partitions belong together. For the
-- same reason the foreign keys of children stand between partitions of one month (storage/partitions.py):
-- a key between the partitioned tables costs 31 us a row instead of 4 (docs/adr/0010).

create table catalog (
    only_row boolean primary key default true check (only_row),
    revision bigint not null default 0
);
insert into catalog default values;

create table workflows (
    id uuid primary key,
    name varchar(255) not null,
    version integer not null check (version > 0),
    content_hash text not null,
    definition text not null,
    body jsonb not null,
    file text not null default '',
    description text not null default '',
    labels jsonb not null default '{}',
    enabled boolean not null default true,
    priority integer not null default 0,
    created_at timestamptz not null default now(),
    unique (name, version)
);

create table resources (
    name text primary key,
    declaration jsonb not null,
    applied_at timestamptz not null default now()
);

create table wait_shapes (
    event text not null,
    paths text[] not null,
    primary key (event, paths)
);

create table workflow_executions (
    id uuid primary key,
    workflow_id uuid not null references workflows (id),
    workflow_name varchar(255) not null,
    workflow_version integer not null,
    execution_id varchar(255) not null
        generated always as ('exec_' || replace(id::text, '-', '')) stored,
    trigger_event varchar(255) not null,
    trigger_payload jsonb not null,
    trigger_key text,
    context jsonb not null default '{}',
    status varchar(50) not null,
    result varchar(50),
    started_at timestamptz not null default now(),
    completed_at timestamptz,
    duration_ms bigint,
    error_code text,
    error_message text,
    metadata jsonb not null default '{}',
    paused_at timestamptz,
    paused_reason text,
    paused_ms bigint not null default 0,
    resume_data jsonb,
    next_step_id varchar(255),
    cursor jsonb not null default '{}',
    sequence integer not null default 0,
    constraint known_status check (
        status in ('pending', 'running', 'paused', 'completed', 'blocked', 'failed', 'cancelled')
    ),
    -- requirements.md D2: the life cycle and the outcome come in fixed pairs.
    constraint result_fits_status check (
        case status
            when 'completed' then result is not null and result in ('allowed', 'executed')
            when 'blocked' then result is not null and result = 'blocked'
            when 'failed' then result is not null and result = 'failed'
            else result is null
        end
    ),
    constraint paused_has_instant check ((status = 'paused') = (paused_at is not null)),
    constraint paused_has_reason check ((status = 'paused') = (paused_reason is not null)),
    constraint ended_has_instant check (
        (status in ('completed', 'blocked', 'failed', 'cancelled')) = (completed_at is not null)
    )
) partition by range (id);
create index idx_executions_workflow on workflow_executions (workflow_id, started_at desc);
create index idx_executions_status on workflow_executions (status, started_at desc)
    where status in ('pending', 'running', 'paused');
create index idx_executions_trigger on workflow_executions (trigger_event, started_at desc);
create index idx_executions_started_at on workflow_executions (started_at desc, id);

create table step_executions (
    id uuid primary key,
    execution_id uuid not null,
    step_id varchar(255) not null,
    step_path text not null,
    step_type varchar(50) not null,
    attempt integer not null default 1,
    status varchar(50) not null,
    input jsonb,
    output jsonb,
    started_at timestamptz not null default now(),
    completed_at timestamptz,
    duration_ms bigint,
    error_code text,
    error_message text,
    constraint known_status check (
        status in ('pending', 'running', 'waiting', 'completed', 'failed', 'skipped')
    ),
    constraint over_has_instant check (
        (status in ('completed', 'failed', 'skipped')) = (completed_at is not null)
    )
) partition by range (id);
create index idx_step_executions on step_executions (execution_id, started_at);
create index idx_step_executions_status on step_executions (status)
    where status in ('running', 'waiting');

create table waits (
    id uuid primary key,
    wait_id varchar(255) not null
        generated always as ('w_' || replace(id::text, '-', '')) stored,
    execution_id uuid not null,
    step_path text not null,
    kind text not null check (kind in ('approval', 'event', 'timer')),
    status text not null check (status in ('open', 'closed')),
    outcome text,
    correlation text,
    record jsonb not null,
    opened_at timestamptz not null,
    since timestamptz not null,
    due_at timestamptz,
    closed_at timestamptz,
    constraint closed_has_outcome check (
        (status = 'closed') = (closed_at is not null) and (status = 'closed') = (outcome is not null)
    )
) partition by range (id);
create index idx_waits_open on waits (execution_id) where status = 'open';
create index idx_waits_correlation on waits (correlation)
    where status = 'open' and correlation is not null;

create table approval_requests (
    id uuid primary key,
    request_id varchar(255) not null
        generated always as ('w_' || replace(id::text, '-', '')) stored,
    execution_id uuid not null,
    step_path text not null,
    entity_type varchar(100),
    entity_id varchar(255),
    requester_id text,
    approver_role varchar(100),
    approver_id text,
    roles text[] not null default '{}',
    users text[] not null default '{}',
    priority text not null default 'normal',
    status varchar(50) not null,
    reason text,
    decision_reason text,
    decided_by text,
    decided_for text,
    requested_at timestamptz not null default now(),
    decided_at timestamptz,
    expires_at timestamptz,
    outcome text,
    constraint known_status check (
        status in ('pending', 'approved', 'rejected', 'expired', 'cancelled')
    ),
    constraint decided_has_instant check ((status = 'pending') = (decided_at is null))
) partition by range (id);
create index idx_approval_requests_execution on approval_requests (execution_id);
create index idx_approval_requests_open on approval_requests (requested_at desc, id)
    where status = 'pending';
create index idx_approval_requests_expiry on approval_requests (status, expires_at)
    where status = 'pending';

create table timers (
    id uuid primary key,
    execution_id uuid not null,
    wait_id text,
    kind text not null check (kind in ('expiry', 'retry', 'execution_timeout')),
    due_at timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create index idx_timers_due on timers (due_at);

create table effects (
    id uuid primary key,
    execution_id uuid not null,
    step_path text not null,
    kind text not null,
    params jsonb not null,
    secrets jsonb not null default '[]',
    idempotency_key text not null,
    status text not null check (status in ('pending', 'done', 'failed', 'dropped')),
    attempt integer not null,
    timeout_ms bigint not null,
    lease_until timestamptz not null,
    lease_token text not null,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    output jsonb,
    error_code text,
    error_message text
) with (
    fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);
create index idx_effects_lease on effects (lease_until) where status = 'pending';
create index idx_effects_execution on effects (execution_id);

create table outbox (
    id bigint generated always as identity primary key,
    shard smallint not null,
    messages text not null,
    created_at timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create index idx_outbox_shard on outbox (shard, id);

create table events (
    id uuid primary key,
    event_id text not null,
    type text not null,
    source text not null,
    subject text,
    topic text not null,
    partition integer not null,
    record_offset bigint not null,
    record_key text,
    payload jsonb not null,
    meta jsonb not null default '{}',
    received_at timestamptz not null,
    triggered_workflows jsonb not null default '[]'
) partition by range (id);
create index idx_events_event_id on events (event_id);

-- What must be unique over all partitions lives in small tables of its own.
create table event_ids (
    source text not null,
    event_id text not null,
    received_at timestamptz not null default now(),
    primary key (source, event_id)
);
create index idx_event_ids_received_at on event_ids using brin (received_at);

create table trigger_keys (
    workflow_name varchar(255) not null,
    key text not null,
    execution_id uuid not null,
    primary key (workflow_name, key)
);

-- Events that some wait may still be opened for: an event may come before its wait (D10).
create table signals (
    correlation text not null,
    event_row_id uuid not null,
    received_at timestamptz not null,
    payload jsonb not null,
    meta jsonb not null,
    primary key (correlation, event_row_id)
);
create index idx_signals_received_at on signals (received_at);

create table decisions (
    id bigint generated always as identity primary key,
    decision_id text not null,
    execution_id uuid,
    request_id text,
    outcome text not null,
    decided_by text not null,
    reason text,
    form jsonb not null default '{}',
    body jsonb not null,
    received_at timestamptz not null,
    topic text not null,
    partition integer not null,
    record_offset bigint not null,
    result text check (result in ('applied', 'counted', 'refused')),
    code text,
    message text,
    answered_at timestamptz,
    constraint answered_has_result check ((result is null) = (answered_at is null)),
    constraint refused_has_code check ((result = 'refused') = (code is not null))
);
create unique index idx_decisions_decision_id on decisions (decision_id)
    where code is null or code <> 'duplicate';
create index idx_decisions_held on decisions (received_at) where result is null;
create index idx_decisions_execution on decisions (execution_id);

create table dead_letters (
    id bigint generated always as identity primary key,
    topic text not null,
    partition integer not null,
    record_offset bigint not null,
    record_timestamp timestamptz not null,
    record_key bytea,
    value bytea,
    headers jsonb not null default '[]',
    consumer_group text not null,
    error_type text not null,
    error_message text not null,
    attempts integer not null default 1,
    failed_at timestamptz not null default now(),
    execution_id uuid,
    status text not null default 'open' check (status in ('open', 'replayed', 'discarded'))
);
create index idx_dead_letters_open on dead_letters (failed_at desc) where status = 'open';

create table records (
    entity_type text not null,
    entity_id text not null,
    data jsonb not null default '{}',
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (entity_type, entity_id)
);

create table positions (
    group_id text not null,
    topic text not null,
    partition integer not null,
    topic_id text,
    next_offset bigint not null,
    watermark timestamptz,
    updated_at timestamptz not null default now(),
    primary key (group_id, topic, partition)
) with (fillfactor = 50);
