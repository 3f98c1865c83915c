-- How many rows are parked is asked again and again, however long the outbox is.
create index outbox_parked on outbox (id) where parked_at is not null;
