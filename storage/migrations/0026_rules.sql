-- Which rules held a message back, each with its reason: the first alone stands in the reason of the row.
alter table sends add column rules jsonb;
alter table journey_log add column rules jsonb;
