-- A user is nobody's visitor: who was taken for one, by what anybody may say, is a person of their own once they are told of
-- as a user. What was joined before this was known stays joined.
alter table aliases add column of_users boolean not null default true;
comment on column aliases.of_users is 'whether the id may be a user''s: the shop''s backend made two users one';

-- It has one argument more now. The functions stand in storage/functions.
drop function if exists move_person(text, text, text, text, jsonb, timestamptz, text, text);
