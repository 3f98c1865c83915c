-- What people are to do for journeys.
create table tasks (
    task_id       text primary key,
    journey       text not null references journeys,
    step          text not null,
    shop          text not null references shops,
    customer_id   text not null,
    title         text not null,
    opened_at     timestamptz not null,
    due_at        timestamptz not null,
    escalate_at   timestamptz,
    state         text not null default 'open' check (state in ('open', 'claimed', 'done', 'expired', 'withdrawn')),
    claimed_by    text,
    claimed_at    timestamptz,
    done_by       text,
    done_at       timestamptz,
    text          text,
    -- when the shop heard that it is open, and that nobody has done it yet
    told_at       timestamptz,
    escalated_at  timestamptz,
    unique (journey, step)
);
create index tasks_of_shop on tasks (shop, state, due_at, task_id);
-- those whose time may be over
create index tasks_due on tasks (due_at) where state in ('open', 'claimed');
create index tasks_of_customer on tasks (shop, customer_id);

-- Where a shop hears of tasks, and the secret by which that is signed; encrypted.
create table task_hooks (
    shop      text primary key references shops,
    settings  bytea not null
);
