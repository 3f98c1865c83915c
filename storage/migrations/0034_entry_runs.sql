-- Moments at which people enter a plan by its schedule: one row for each that has come, and how far it is with whom.
create table entry_runs (
    shop         text not null references shops,
    plan         text not null,
    due_at       timestamptz not null,
    -- of the plan, by which people were let in last
    version      int not null,
    state        text not null check (state in ('running', 'done', 'missed', 'stopped')),
    -- why it was missed or stopped
    reason       text,
    -- everybody up to this id had their turn; empty before the first and at the end
    reached      text not null default '',
    entered      int not null default 0,
    passed_over  int not null default 0,
    -- how many have entered since it last rested, and until when it rests
    since_rest   int not null default 0,
    rests_until  timestamptz not null,
    moved_at     timestamptz not null,
    ended_at     timestamptz,
    primary key (shop, plan, due_at)
);

-- Of a plan one at a time: two would let in twice as many as the plan says.
create unique index entry_runs_running on entry_runs (shop, plan) where state = 'running';

-- The versions that are asked every minute whether a moment of theirs has come.
create index plan_versions_by_moments on plan_versions (shop, plan)
 where content::jsonb -> 'entry' ?| array['schedule', 'at'];
