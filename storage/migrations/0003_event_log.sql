-- The event log, by the month in which events came in: dropping a month is dropping a table. Ids are kept in "seen".
alter table events rename to events_before;
drop index events_of_cart, events_of_customer;

create table events (
    shop         text not null,
    message_id   text not null,
    kind         text not null,
    name         text not null,
    at           timestamptz not null,
    received_at  timestamptz not null,
    customer_id  text not null,
    -- the cart it is about, whichever of its ids the event named
    cart_id      text,
    order_id     text,
    content      jsonb not null
) partition by range (received_at);
create index events_of_cart on events (shop, cart_id, at) where cart_id is not null;
create index events_of_customer on events (shop, customer_id, at);

-- What belongs to no month that was made: rehearsals of long ago, clocks gone wrong.
create table events_rest partition of events default;
insert into events select * from events_before;
drop table events_before;

-- Events received before this moment may have been dropped.
create table event_log (
    only_row    boolean primary key default true check (only_row),
    kept_since  timestamptz not null default 'epoch'
);
insert into event_log default values;
