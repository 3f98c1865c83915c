-- Journeys about orders and about people, beside those about carts.
alter table journeys alter column cart_id drop not null;
alter table journeys alter column cart_id set default null;
create index if not exists events_of_order on events (shop, order_id, at) where order_id is not null;

-- The names of the events that a plan of the shop has ever asked for: what is none of them is a person's activity alone.
create table asked_events (
    shop  text not null references shops,
    name  text not null,
    primary key (shop, name)
);

insert into asked_events (shop, name)
select distinct v.shop, e.name from plan_versions v, jsonb_array_elements_text(v.content::jsonb #> '{entry,events}') e (name);

-- What plans have put on customers.
create table labels (
    shop         text not null,
    customer_id  text not null,
    name         text not null,
    value        text not null,
    set_at       timestamptz not null,
    primary key (shop, customer_id, name)
);
