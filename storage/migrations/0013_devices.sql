-- Where pushes reach people. A device is of whoever used it last, under the id by which they were told of.
create table devices (
    shop     text not null references shops,
    told_by  text not null,
    kind     text not null check (kind in ('browser', 'app')),
    -- an app's token, or a browser's subscription as JSON
    address  text not null,
    seen_at  timestamptz not null,
    primary key (shop, kind, address)
);
create index devices_told_by on devices (shop, told_by);
