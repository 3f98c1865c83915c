-- What the shop's own pages show. Whose it is, the ledger says; what became of it, too.
create table on_site_messages (
    shop       text not null references shops,
    send_id    text not null,
    title      text not null,
    text       text not null,
    link       text,
    button     text,
    -- so long after it was sent it is shown at most
    shown_for  interval not null,
    closed_at  timestamptz,
    primary key (shop, send_id)
);
