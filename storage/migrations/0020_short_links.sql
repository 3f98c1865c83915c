-- The short link in a message: which send it stands in, and when somebody first followed it.
alter table sends
    add column code        text,
    add column clicked_at  timestamptz;
create unique index sends_by_code on sends (code) where code is not null;
