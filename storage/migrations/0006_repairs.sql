-- What the reconciliation put right, a row each.
create table repairs (
    id       bigint generated always as identity primary key,
    shop     text not null references shops,
    journey  text not null references journeys,
    at       timestamptz not null default now(),
    what     text not null,
    why      text not null
);
create index repairs_by_time on repairs (at);
create index repairs_of_journey on repairs (journey);

alter table journeys
    -- when its workflow was last asked for
    add column checked_at  timestamptz,
    -- when its workflow was seen closed, or seen not to be there, after the journey had ended
    add column closed_at   timestamptz;
-- Temporal has forgotten what closed longer ago.
update journeys set closed_at = ended_at where status = 'ended' and ended_at < now() - interval '30 days';
create index journeys_open on journeys (id) where status <> 'ended';
create index journeys_unclosed on journeys (ended_at) where status = 'ended' and closed_at is null;

-- How far the list of closed workflows has been read; null: never.
create table reconciliation (
    only_row      boolean primary key default true check (only_row),
    closed_until  timestamptz
);
insert into reconciliation default values;
