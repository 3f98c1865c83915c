-- What people answered and no program understands: kept for a person to read.
create table replies (
    reply_id     bigint generated always as identity primary key,
    shop         text not null references shops,
    -- what the provider calls it: the same told twice is one
    provider     text not null,
    message_id   text not null,
    medium       text not null,
    address      text not null,
    -- who has the address, and the journey that wrote to it last, where they are known
    customer_id  text,
    journey      text,
    text         text not null,
    at           timestamptz not null,
    done_at      timestamptz,
    unique (shop, provider, message_id)
);
create index replies_to_read on replies (shop, at, reply_id) where done_at is null;
create index replies_of_customer on replies (shop, customer_id);
