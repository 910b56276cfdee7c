-- expand: columns that older programs leave at their defaults
-- How often the topic was made anew: records that name no id are called by their place, which comes again then.
alter table positions add column life integer not null default 0;
alter table dead_letters add column life integer not null default 0;
