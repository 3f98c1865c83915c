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

-- When a page last asked for messages, of those whom the shop knows by their browser alone.
alter table customers add column looked_at timestamptz;

-- Who wants nothing by any medium there was wants nothing here, where no yes is asked for.
insert into consent_words (shop, told_by, channel, purpose, granted, at, message_id)
select shop, told_by, 'on_site', purpose, false, max(at), max(message_id) from consent_words
 where not granted and channel in ('sms', 'email', 'push', 'voice', 'whatsapp')
 group by shop, told_by, purpose having count(*) = 5
on conflict do nothing;
insert into consents (shop, customer_id, channel, purpose, granted, at, message_id)
select shop, customer_id, 'on_site', purpose, false, max(at), max(message_id) from consents
 where not granted and channel in ('sms', 'email', 'push', 'voice', 'whatsapp')
 group by shop, customer_id, purpose having count(*) = 5
on conflict do nothing;
