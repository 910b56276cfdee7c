-- name: limit_statement
select
    set_config('statement_timeout', %(milliseconds)s, true),
    (select set_config(name, '0', true) from pg_settings where name = 'transaction_timeout') as limited;
