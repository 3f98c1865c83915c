-- Where a shop is called by signed webhooks, by what it is called for, and the secret of each; encrypted.
create table endpoints (
    shop      text not null references shops,
    kind      text not null check (kind in ('offer_api', 'task_hook')),
    settings  bytea not null,
    primary key (shop, kind)
);
insert into endpoints (shop, kind, settings)
select shop, 'offer_api', settings from offer_apis union all select shop, 'task_hook', settings from task_hooks;
drop table offer_apis, task_hooks;
