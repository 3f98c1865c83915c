-- When an unknown send was last looked for in its provider's books.
alter table sends add column looked_up_at timestamptz;
