-- Addresses that nothing is sent to, whoever's they are: as the shop's earlier tools knew them, or a person asked.
create table suppressions (
    shop     text not null references shops,
    channel  text not null,
    -- E.164, or the e-mail address in small letters
    address  text not null,
    reason   text not null,
    at       timestamptz not null,
    primary key (shop, channel, address)
);

-- How far each import of a file has come, so that one that was killed goes on.
create table imports (
    shop         text not null references shops,
    what         text not null,
    file_digest  text not null,
    lines_done   bigint not null default 0,
    new          bigint not null default 0,
    known        bigint not null default 0,
    rejected     bigint not null default 0,
    started_at   timestamptz not null,
    finished_at  timestamptz,
    primary key (shop, what, file_digest)
);
