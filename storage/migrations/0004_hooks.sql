-- Secrets by which shops sign their webhooks, encrypted with the installation's key. Several are good at a time.
create table hook_secrets (
    secret_id     text primary key,
    shop          text not null references shops,
    source        text not null,
    secret        bytea not null,
    created_at    timestamptz not null default now(),
    -- to the minute
    last_used_at  timestamptz,
    revoked_at    timestamptz
);
create index hook_secrets_valid on hook_secrets (shop, source) where revoked_at is null;

-- Signed bodies that could not be read, or not wholly, as they came: they can be read anew.
create table hook_bodies_kept (
    kept_id      bigint primary key generated always as identity,
    shop         text not null references shops,
    source       text not null,
    -- what the headers said of the body: the topic, or the webhook's id
    heading      text not null,
    reason       text not null,
    body         bytea not null,
    digest       bytea not null,
    received_at  timestamptz not null default now(),
    unique (shop, source, heading, digest)
);
