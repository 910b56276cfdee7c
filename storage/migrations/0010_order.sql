-- expand: older programs read and write the column as before
-- The order of a definition's keys is the order of its form's fields: jsonb forgets it. The table holds a row for
-- each version of a definition: to write it anew takes milliseconds.
-- squawk-ignore changing-column-type
alter table workflows alter column body type json using body::json;
