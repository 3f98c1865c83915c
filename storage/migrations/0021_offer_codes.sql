-- Codes that the shop made itself and that its checkout knows; each is given away once.
create table offer_codes (
    shop      text not null references shops,
    pool      text not null,
    code      text not null,
    added_at  timestamptz not null default now(),
    primary key (shop, code)
);
create index offer_codes_in_order on offer_codes (shop, pool, added_at, code);
