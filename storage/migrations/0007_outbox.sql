-- "try_at" alone says when a row may be taken next: a row that is leased is not due before its lease has run out.
update outbox set try_at = greatest(try_at, leased_until) where leased_until is not null;
alter table outbox drop column leased_until, add column parked_at timestamptz;
comment on column outbox.tries is 'failures that were the row''s own; what Temporal''s outages cost is not counted';
comment on column outbox.parked_at is 'set aside: it cannot be delivered as it is, and stops no other row';

drop index outbox_of_journey;
create index outbox_of_journey on outbox (journey, id) where parked_at is null;
create index outbox_due on outbox (try_at, id) where parked_at is null;
