-- Related items: what is often bought together, by the orders that the shop's own backend tells of.

-- What the backend said of its products: the newest word on each field counts, whichever comes first.
create table product_facts (
    shop        text not null,
    product_id  text not null,
    -- name, image_url, url, availability, or "price" with a currency
    field       text not null,
    value       text not null,
    at          timestamptz not null,
    message_id  text not null,
    primary key (shop, product_id, field)
);

-- Which products an order holds, each once.
create table order_lines (
    shop        text not null,
    order_id    text not null,
    product_id  text not null,
    at          timestamptz not null,
    primary key (shop, order_id, product_id)
);
create index order_lines_of_product on order_lines (shop, product_id);
create index order_lines_by_age on order_lines (at);

-- Products whose lines have changed since they were counted.
create table products_to_count (
    shop        text not null,
    product_id  text not null,
    primary key (shop, product_id)
);

-- How many orders hold both, and how much that is beside all orders that hold either. Each pair stands here both ways.
create table co_purchases (
    shop        text not null,
    product_id  text not null,
    other_id    text not null,
    orders      int not null,
    score       double precision not null,
    primary key (shop, product_id, other_id)
);
create index co_purchases_best on co_purchases (shop, product_id, score desc, other_id);

-- How far the event log has been read for products and orders.
create table products_read (
    only_row    boolean primary key default true check (only_row),
    read_until  timestamptz not null default 'epoch'
);
insert into products_read default values;

-- What the backend tells is a small part of the log; only it is read for products.
create index events_of_backend on events (received_at)
 where kind = 'track' and (content ->> 'from_backend')::boolean;
