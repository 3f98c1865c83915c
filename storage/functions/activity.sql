-- Takes an event that is a person's activity and nothing else, in one call. Tells whether it is new, or null where
-- nothing was done because there is more to it: a plan asks for it, or it names a user and a visitor, which was not
-- known so early, or a user who was taken for a visitor.
create or replace function take_activity(
    in_shop text, in_message_id text, in_from_backend boolean, user_id text, visitor text, in_kind text, in_name text,
    in_at timestamptz, in_received_at timestamptz, in_content jsonb, in_locale text, in_timezone text
) returns boolean language plpgsql as $$
declare
    told text := coalesce(user_id, visitor);
    person text;
    asked text;
begin
    if exists (select from asked_events where shop = in_shop and name = in_name) then
        return null;
    end if;
    if user_id is not null and visitor is not null and not exists (
        select from aliases where shop = in_shop and alias_id = visitor
           and (linked_at <= in_at or linked_to <> user_id)) then
        return null;
    end if;
    if exists (select from aliases where shop = in_shop and alias_id = user_id and not of_users) then
        return null;
    end if;
    insert into seen (shop, message_id, from_backend) values (in_shop, in_message_id, in_from_backend)
        on conflict do nothing;
    if not found then
        return false;
    end if;
    loop
        asked := coalesce((select customer_id from aliases where shop = in_shop and alias_id = told), told);
        exit when asked = person;
        person := asked;
        insert into customers as c (shop, customer_id, known, last_activity, locale, timezone, context_at, context_by)
        values (in_shop, person, user_id is not null, in_at, in_locale, in_timezone,
                case when coalesce(in_locale, in_timezone) is not null then in_at end,
                case when coalesce(in_locale, in_timezone) is not null then in_message_id end)
        on conflict (shop, customer_id) do update set
            known = c.known or excluded.known,
            last_activity = greatest(c.last_activity, excluded.last_activity),
            (locale, timezone, context_at, context_by) = (
                select * from (values (c.locale, c.timezone, c.context_at, c.context_by),
                    (excluded.locale, excluded.timezone, excluded.context_at, excluded.context_by)) w (l, z, at, by)
                order by at desc nulls last, by desc limit 1);
    end loop;
    insert into events (shop, message_id, kind, name, at, received_at, customer_id, content)
    values (in_shop, in_message_id, in_kind, in_name, in_at, in_received_at, person, in_content);
    if in_name = 'Product Viewed' then
        insert into segment_queue (shop, customer_id, at) values (in_shop, person, in_at);
    end if;
    return true;
end $$;
