-- Where a shop's own API gives codes, and the secret by which calls to it are signed; encrypted.
create table offer_apis (
    shop      text primary key references shops,
    settings  bytea not null
);

-- A code that a step asks the shop's API for. The row is there before the first call: no code is forgotten.
create table shop_codes (
    -- by which the shop's API knows it
    code_id     text primary key,
    shop        text not null references shops,
    journey     text not null references journeys,
    step        text not null,
    -- what was asked for, with its deadline; every repetition asks for the same
    offer       jsonb not null,
    -- null until it was given
    code        text,
    -- to which the shop's API has agreed
    deadline    timestamptz,
    -- calls since the last one that was answered well, and what was wrong with the last
    tries       int not null,
    problem     text,
    asked_at    timestamptz not null default now(),
    -- when it was taken back with its journey, and when the shop's API is told so; null where there is nothing to tell
    revoked_at  timestamptz,
    tell_at     timestamptz,
    unique (journey, step)
);
create unique index shop_codes_once on shop_codes (shop, code);
create index shop_codes_to_tell on shop_codes (tell_at) where tell_at is not null;
