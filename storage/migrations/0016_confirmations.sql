-- Answers that are still to be confirmed: STOP, START and HELP. The row goes when its message has a fate in the ledger.
create table confirmations (
    send_id      text primary key,
    shop         text not null references shops,
    word         text not null check (word in ('stop', 'start', 'help')),
    channel      text not null,
    address      text not null,
    -- who has the address, where anybody is known to; empty for nobody
    customer_id  text not null,
    -- the provider that heard it
    provider     text not null,
    language     text not null,
    wanted_at    timestamptz not null default now()
);
create index confirmations_in_order on confirmations (wanted_at);
