-- Every command ever received, with its answer.
create table commands (
    command_id text primary key,
    kind text not null,
    execution_id uuid,
    workflow text,
    data jsonb not null default '{}',
    by text not null,
    reason text,
    received_at timestamptz not null,
    result text check (result in ('applied', 'refused')),
    code text,
    message text,
    answered_at timestamptz,
    constraint answered_has_result check ((result is null) = (answered_at is null)),
    constraint refused_has_code check ((result = 'refused') = (code is not null))
);
