-- Anybody may hold a write key: it stands in pages. What is told with one uses up no id of what the backend tells.
alter table seen add column from_backend boolean not null default false;
alter table seen drop constraint seen_pkey, add primary key (shop, message_id, from_backend);

-- An order may be told several times, of different people, with its cart and without. Each word counts, so that it does
-- not matter which comes first, or who told it.
alter table orders
    add column from_backend boolean not null default false,
    -- whether it counts for all carts that the person opened before, because it did not name one
    add column of_person    boolean not null default false;
update orders set of_person = cart_id is null;
alter table orders drop constraint orders_pkey, add primary key (shop, order_id, message_id, from_backend);

-- These have other parameters now, where they are there already; they stand in storage/functions.
drop function if exists take_activity(text, text, text, text, text, text, timestamptz, timestamptz, jsonb, text, text);
drop function if exists begin_work(text, text[], text[], text[], text[], text[], text[]);
