-- What the gate decides by, and what became of a send after its call.

-- Beside a journey's sends stand those of a conversation: an answer to STOP, a test. Their rows name no journey.
alter table sends drop constraint sends_journey_fkey;
alter table sends
    add column plan          text,
    add column purpose       text not null default 'marketing' check (purpose in ('transactional', 'service', 'marketing')),
    -- where it went: a receipt or a reply may name nothing else
    add column address       text,
    -- what it costs, as the shop's prices say, or the provider's receipt
    add column cost          numeric,
    -- what the provider told after it had accepted
    add column delivered_at  timestamptz,
    add column failed_at     timestamptz;
update sends s set plan = j.plan from journeys j where j.id = s.journey;
create index sends_of_customer on sends (shop, customer_id, decided_at);
create index sends_to_address on sends (shop, address, decided_at) where address is not null;
create index sends_by_provider on sends (shop, provider, provider_id) where provider_id is not null;
create index sends_by_id on sends (send_id);
create index sends_unknown on sends (decided_at) where state = 'unknown';

-- STOP from an address: no marketing goes there, whoever it belongs to. Other rows stop everything.
alter table suppressions add column marketing_only boolean not null default false;

-- The shop's own rules: journeys/policy.py says what they are.
alter table shops add column policy jsonb not null default '{}';

-- The second account of a channel is called where the first provably did not send.
alter table channel_accounts add column rank int not null default 1 check (rank in (1, 2));
alter table channel_accounts drop constraint channel_accounts_pkey, add primary key (shop, channel, rank);

create table paused_plans (
    shop       text not null references shops,
    plan       text not null,
    paused_at  timestamptz not null,
    primary key (shop, plan)
);

-- A provider that fails for everybody: how often without an answer in between, and until when it is not called.
create table provider_health (
    shop        text not null references shops,
    channel     text not null,
    provider    text not null,
    failures    int not null,
    open_until  timestamptz,
    reason      text not null,
    primary key (shop, channel, provider)
);

-- What each shop has spent on a day (UTC).
create table spend (
    shop    text not null references shops,
    day     date not null,
    amount  numeric not null,
    primary key (shop, day)
);
