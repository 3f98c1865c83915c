-- Segments and RFM scores, as last counted. A person without a row was never counted: a prospect, by all that is known.
create table person_segments (
    shop         text not null references shops,
    customer_id  text not null,
    segments     text[] not null,
    -- all three or none
    r            smallint check (r between 1 and 5),
    f            smallint check (f between 1 and 5),
    m            smallint check (m between 1 and 5),
    computed_at  timestamptz not null,
    primary key (shop, customer_id),
    check (num_nulls(r, f, m) in (0, 3))
);

-- What divides a shop's customers into fifths; null while there are fewer than five.
create table rfm_edges (
    shop         text primary key references shops,
    edges        jsonb,
    computed_at  timestamptz not null
);

-- Who is to be counted anew because of an event. Written with the event and never updated: whoever takes an event in
-- waits for nobody who counts.
create table segment_queue (
    id           bigint generated always as identity primary key,
    shop         text not null,
    customer_id  text not null,
    -- when the newest event happened
    at           timestamptz not null
);

-- Changes that are still to be told as events; the row goes when its event was taken in.
create table segment_changes (
    id           bigint generated always as identity primary key,
    shop         text not null,
    customer_id  text not null,
    at           timestamptz not null,
    properties   jsonb not null
);

-- Since when a shop's changes are told. Where there were people before there were segments, everybody is counted once
-- first: that they are in any would be no news.
alter table shops add column segments_since timestamptz default now();
update shops s set segments_since = null where exists (select from customers c where c.shop = s.shop);

-- An order once, however many told it: when it was first, and what the backend says that it came to, else a page.
create view told_orders as
select shop, customer_id, order_id, min(at) as at,
       (array_agg(total order by from_backend desc, at, message_id) filter (where total is not null))[1] as total,
       coalesce((array_agg(currency order by from_backend desc, at, message_id)
                 filter (where currency is not null))[1], '') as currency
  from orders group by shop, customer_id, order_id;
