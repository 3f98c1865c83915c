-- Whom of a shop mails tell of tasks, by the shop's own e-mail account.
create table task_mails (
    shop         text primary key references shops,
    address      text not null,
    -- who is told of what nobody has done yet; null: the same
    escalate_to  text
);

-- Mails that told of tasks, each of several. Like a row of the ledger it is claimed before the provider is called.
create table task_digests (
    -- by which the provider knows it
    digest_id    text primary key,
    shop         text not null references shops,
    address      text not null,
    state        text not null check (state in ('claimed', 'accepted', 'rejected', 'released', 'unknown')),
    provider     text,
    provider_id  text,
    reason       text,
    made_at      timestamptz not null default now(),
    -- not before then the address is written to again; null where nothing stands against it
    again_at     timestamptz
);
create index task_digests_claimed on task_digests (made_at) where state = 'claimed';
create index task_digests_again on task_digests (shop, address, again_at) where again_at is not null;

-- Who has heard what of a task: the shop by its webhook, or whoever has an address by a mail.
create table task_told (
    task_id    text not null references tasks on delete cascade,
    whom       text not null,
    what       text not null check (what in ('opened', 'escalated', 'expired', 'withdrawn')),
    at         timestamptz not null,
    digest_id  text references task_digests,
    primary key (task_id, whom, what)
);
create index task_told_by_digest on task_told (digest_id) where digest_id is not null;
insert into task_told (task_id, whom, what, at)
select task_id, 'webhook', 'opened', told_at from tasks where told_at is not null
union all select task_id, 'webhook', 'escalated', escalated_at from tasks where escalated_at is not null;
alter table tasks drop column told_at, drop column escalated_at;
