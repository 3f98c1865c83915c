-- Every row, id and key carries its shop.

create table shops (
    shop        text primary key check (shop ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    name        text not null,
    mode        text not null default 'sandbox' check (mode in ('sandbox', 'allowlist', 'live', 'stopped')),
    language    text not null default 'en' check (language in ('fr', 'it', 'pt', 'en')),
    cart_url    text,
    allowlist   text[] not null default '{}',
    created_at  timestamptz not null default now()
);

-- The provider account of each channel; settings are encrypted with the installation's key.
create table channel_accounts (
    shop      text not null references shops,
    channel   text not null,
    settings  bytea not null,
    primary key (shop, channel)
);

-- Only hashes of keys are stored. A key has 256 bits of its own, so a plain SHA-256 is enough.
create table keys (
    key_id      text primary key,
    shop        text not null references shops,
    kind        text not null check (kind in ('write', 'api')),
    hash        bytea not null unique,
    label       text not null,
    created_at  timestamptz not null default now(),
    revoked_at  timestamptz
);

create table plan_versions (
    shop          text not null references shops,
    plan          text not null,
    version       int not null,
    content       text not null,
    messages      text not null,
    content_hash  text not null,
    published_at  timestamptz not null default now(),
    primary key (shop, plan, version)
);

create table customers (
    shop           text not null references shops,
    customer_id    text not null,
    -- {name: {"value": …, "at": …, "by": message id}}: the newest word on each trait counts
    traits         jsonb not null default '{}',
    last_activity  timestamptz,
    primary key (shop, customer_id)
);

create table aliases (
    shop          text not null references shops,
    anonymous_id  text not null,
    customer_id   text not null,
    primary key (shop, anonymous_id)
);

create table consents (
    shop         text not null,
    customer_id  text not null,
    channel      text not null,
    purpose      text not null,
    granted      boolean not null,
    wording      text,
    at           timestamptz not null,
    message_id   text not null,
    primary key (shop, customer_id, channel, purpose)
);

-- One row for each message id that was ever taken: what makes duplicates harmless.
create table seen (
    shop        text not null,
    message_id  text not null,
    primary key (shop, message_id)
);

create table events (
    shop         text not null,
    message_id   text not null,
    kind         text not null,
    name         text not null,
    at           timestamptz not null,
    received_at  timestamptz not null,
    customer_id  text not null,
    cart_id      text,
    order_id     text,
    content      jsonb not null
);
create index events_of_cart on events (shop, cart_id, at) where cart_id is not null;
create index events_of_customer on events (shop, customer_id, at);

create table carts (
    shop         text not null references shops,
    cart_id      text not null,
    customer_id  text not null,
    content      jsonb not null,
    -- What other tables' questions need, taken out of the content.
    opened_at    timestamptz,
    holds_items  boolean not null,
    last_at      timestamptz not null,
    ordered_at   timestamptz,
    order_id     text,
    primary key (shop, cart_id)
);
create index carts_of_customer on carts (shop, customer_id);

create table orders (
    shop         text not null references shops,
    order_id     text not null,
    customer_id  text not null,
    cart_id      text,
    at           timestamptz not null,
    message_id   text not null,
    primary key (shop, order_id)
);
create index orders_of_customer on orders (shop, customer_id, at);
create index orders_of_cart on orders (shop, cart_id) where cart_id is not null;

create table journeys (
    id            text primary key,
    shop          text not null references shops,
    plan          text not null,
    plan_version  int not null,
    customer_id   text not null,
    key           text not null,
    entry         int not null,
    cart_id       text not null,
    held_out      boolean not null,
    status        text not null check (status in ('running', 'paused', 'ended')),
    stage         text,
    outcome       text check (outcome in ('converted', 'finished', 'exited', 'cancelled', 'failed')),
    reason        text,
    started_at    timestamptz not null,
    ended_at      timestamptz,
    paused_at     timestamptz,
    next_at       timestamptz,
    -- the end of the first window, which the Temporal server holds as the start delay
    first_due     timestamptz not null,
    foreign key (shop, plan, plan_version) references plan_versions,
    unique (shop, plan, key, entry),
    check ((status = 'ended') = (outcome is not null))
);
create index journeys_of_customer on journeys (shop, customer_id);
create index journeys_of_cart on journeys (shop, cart_id);
create index journeys_by_start on journeys (shop, started_at, id);
create index journeys_due on journeys (next_at) where status = 'running';

-- What happened in a journey and why, for people to read. Idempotent by (journey, at, what).
create table journey_log (
    journey  text not null references journeys,
    seq      bigint generated always as identity,
    at       timestamptz not null,
    what     text not null,
    why      text not null,
    primary key (journey, seq),
    unique (journey, at, what)
);

create table sends (
    send_id      text not null,
    journey      text not null references journeys,
    step         text not null,
    try          int not null,
    shop         text not null,
    customer_id  text not null,
    key          text not null,
    channel      text not null,
    state        text not null,
    reason       text,
    decided_at   timestamptz not null,
    sent_at      timestamptz,
    provider     text,
    provider_id  text,
    attempt      uuid,
    primary key (journey, step, try)
);
create index sends_of_key on sends (shop, key, channel);
-- Law 2: at most one row of a step stands outside refused, rejected, released.
create unique index one_send_per_step on sends (journey, step) where state not in ('refused', 'rejected', 'released');

-- The transitions of journeys/ledger.py, enforced here as well.
create function check_send_transition() returns trigger language plpgsql as $$
declare
    before text := case when tg_op = 'INSERT' then 'none' else old.state end;
begin
    if before || ' ' || new.state not in (
        'none claimed', 'none refused',
        'claimed accepted', 'claimed rejected', 'claimed released', 'claimed unknown',
        'claimed claimed',
        'unknown accepted', 'unknown rejected'
    ) then
        raise exception 'a send cannot go from % to %', before, new.state;
    end if;
    return new;
end $$;
create trigger send_transition before insert or update of state on sends
    for each row execute function check_send_transition();

-- What the sandbox keeps instead of sending it.
create table sandbox_messages (
    send_id  text primary key,
    address  text not null,
    subject  text,
    body     text not null,
    kept_at  timestamptz not null default now()
);

create table offers (
    shop         text not null references shops,
    code         text not null,
    journey      text not null references journeys,
    step         text not null,
    customer_id  text not null,
    cart_id      text not null,
    kind         text not null,
    amount       numeric,
    currency     text,
    product_id   text,
    item         text,
    deadline     timestamptz not null,
    -- promised: a credit that is issued when the order comes in time
    state        text not null check (state in ('promised', 'issued', 'redeemed')),
    made_at      timestamptz not null,
    issued_at    timestamptz,
    redeemed_at  timestamptz,
    redeemed_by  text,
    primary key (shop, code),
    unique (journey, step)
);
create index offers_of_cart on offers (shop, cart_id);

-- What Temporal must hear. The relay delivers it at least once, in order for each journey.
create table outbox (
    id           bigint generated always as identity primary key,
    journey      text not null references journeys,
    signal       text,
    payload      jsonb,
    wanted_at    timestamptz not null default now(),
    try_at       timestamptz not null default now(),
    leased_until timestamptz,
    tries        int not null default 0,
    problem      text
);
create index outbox_of_journey on outbox (journey, id);

create table idempotency (
    caller      text not null,
    route       text not null,
    key         text not null,
    body_hash   bytea not null,
    answer      jsonb,
    created_at  timestamptz not null default now(),
    primary key (caller, route, key)
);
