-- The life of a plan beside its versions: drafts that nobody follows yet, and plans that nothing starts any more.

create table archived_plans (
    shop         text not null references shops,
    plan         text not null,
    archived_at  timestamptz not null,
    primary key (shop, plan)
);

-- One draft for each plan; its hash tells two editors apart.
create table plan_drafts (
    shop          text not null references shops,
    plan          text not null,
    content       text not null,
    messages      text not null,
    content_hash  text not null,
    saved_at      timestamptz not null,
    primary key (shop, plan)
);

-- Who moves a plan's journeys, or counts them, reads those that run.
create index journeys_open_of_plan on journeys (shop, plan, plan_version) where status <> 'ended';
