-- name: read_revision
select revision from catalog;

-- name: lock_catalog
select revision from catalog for update;

-- name: raise_revision
update catalog set revision = revision + 1;

-- name: latest_workflows
select distinct on (name)
    id::text as id, name, version, content_hash, body, file, description, labels, enabled,
    priority, created_at
from workflows
order by name, version desc;

-- name: workflow_version
select id::text as id, name, version, content_hash, body, file
from workflows
where name = %(name)s and version = %(version)s;

-- name: insert_workflow
insert into workflows (
    id, name, version, content_hash, definition, body, file, description, labels, enabled, priority
)
values (
    %(id)s, %(name)s, %(version)s, %(content_hash)s, %(definition)s, %(body)s, %(file)s, %(description)s,
    %(labels)s, %(enabled)s, %(priority)s
);

-- name: insert_wait_shape
insert into wait_shapes (event, paths) values (%(event)s, %(paths)s) on conflict do nothing;

-- name: read_wait_shapes
select event, paths from wait_shapes;

-- name: read_resources
select name, declaration from resources order by name;

-- name: upsert_resource
insert into resources (name, declaration)
values (%(name)s, %(declaration)s)
on conflict (name) do update
set declaration = excluded.declaration, applied_at = now()
where resources.declaration is distinct from excluded.declaration
returning name;

-- name: upsert_schedule
-- A changed cron begins anew from now: slots of the old one are not caught up.
insert into schedules (name, workflow_name, version, trigger_number, enabled, cron)
values (
    %(name)s, %(workflow_name)s, %(version)s, %(trigger_number)s, %(enabled)s, %(cron)s
)
on conflict (name) do update
set
    version = excluded.version, trigger_number = excluded.trigger_number,
    enabled = excluded.enabled, cron = excluded.cron, next_slot = null,
    last_slot = case
        when schedules.cron = excluded.cron and schedules.enabled then schedules.last_slot
        else now()
    end;

-- name: delete_schedules
delete from schedules
where workflow_name = %(workflow_name)s and name <> all(%(names)s::text[]);
