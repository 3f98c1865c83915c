-- Journeys about orders and about people, beside those about carts.
alter table journeys alter column cart_id drop not null;
alter table journeys alter column cart_id set default null;
create index if not exists events_of_order on events (shop, order_id, at) where order_id is not null;

-- The names of the events of which journeys of the shop's plans are told: what is none of them is activity alone.
create table asked_events (
    shop  text not null references shops,
    name  text not null,
    primary key (shop, name)
);

-- What plans have put on customers.
create table labels (
    shop         text not null,
    customer_id  text not null,
    name         text not null,
    value        text not null,
    set_at       timestamptz not null,
    primary key (shop, customer_id, name)
);
