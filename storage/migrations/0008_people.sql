-- Who is who. An alias is an id that a person was known by before: a visitor's, or that of a user who was merged.
alter table aliases rename column anonymous_id to alias_id;
alter table aliases
    -- the id it was told to belong to; customer_id is whoever that is by now
    add column linked_to  text,
    add column linked_at  timestamptz not null default 'epoch',
    add column linked_by  text not null default '',
    add column why        text not null default 'told together';
update aliases set linked_to = customer_id;
alter table aliases alter column linked_to set not null;
create index aliases_of_customer on aliases (shop, customer_id);

-- Addresses that the shop's backend says it has verified, and whose they are.
create table verified_contacts (
    shop         text not null,
    kind         text not null check (kind in ('email', 'phone')),
    address      text not null,
    customer_id  text not null,
    primary key (shop, kind, address)
);
create index verified_contacts_of_customer on verified_contacts (shop, customer_id);

-- What was said on a channel under each id; "consents" holds what of it counts for the person.
create table consent_words (
    shop        text not null,
    told_by     text not null,
    channel     text not null,
    purpose     text not null,
    granted     boolean not null,
    wording     text,
    at          timestamptz not null,
    message_id  text not null,
    primary key (shop, told_by, channel, purpose)
);
insert into consent_words (shop, told_by, channel, purpose, granted, wording, at, message_id)
select shop, customer_id, channel, purpose, granted, wording, at, message_id from consents;

-- What the newest event's device says of itself.
alter table customers
    add column locale      text,
    add column timezone    text,
    add column context_at  timestamptz,
    add column context_by  text;

-- Every id that a cart goes by: its own, its checkouts', its orders'.
create table cart_ids (
    shop     text not null,
    kind     text not null check (kind in ('cart', 'checkout', 'order')),
    id       text not null,
    cart_id  text not null,
    primary key (shop, kind, id)
);

alter table orders
    add column checkout_id  text,
    add column total        numeric,
    add column currency     text;
create index orders_of_checkout on orders (shop, checkout_id) where checkout_id is not null and cart_id is null;

-- The functions stand in storage/functions.
drop function move_visitor(text, text, text);
