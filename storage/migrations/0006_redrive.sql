-- Dead letters produced again or given up: who, when, why; append-only.
create table redrives (
    id bigint generated always as identity primary key,
    dead_letter_id bigint not null references dead_letters (id),
    action text not null check (action in ('replay', 'discard')),
    asked_by text not null,
    reason text,
    idempotency_key text,
    asked_at timestamptz not null default now()
);
create index idx_redrives_dead_letter on redrives (dead_letter_id);

-- The workflow that refused the record; null for a record that nobody could read.
alter table dead_letters add column workflow text;
-- When the agent took the replayed record: it acts on the first one that it sees.
alter table dead_letters add column taken_at timestamptz;
