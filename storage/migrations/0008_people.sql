-- Who is who. An alias is an id that a person was known by before: a visitor's, or that of a user who was merged.
alter table aliases rename column anonymous_id to alias_id;
alter table aliases
    -- the id it was told to belong to; customer_id is whoever that is by now
    add column linked_to  text,
    add column linked_at  timestamptz not null default 'epoch',
    add column linked_by  text not null default '',
    add column why        text not null default 'told together';
update aliases set linked_to = customer_id;
alter table aliases alter column linked_to set not null;
create index aliases_of_customer on aliases (shop, customer_id);

-- Addresses that the shop's backend says it has verified, and whose they are.
create table verified_contacts (
    shop         text not null,
    kind         text not null check (kind in ('email', 'phone')),
    address      text not null,
    customer_id  text not null,
    primary key (shop, kind, address)
);
create index verified_contacts_of_customer on verified_contacts (shop, customer_id);

-- What was said on a channel under each id; "consents" holds what of it counts for the person.
create table consent_words (
    shop        text not null,
    told_by     text not null,
    channel     text not null,
    purpose     text not null,
    granted     boolean not null,
    wording     text,
    at          timestamptz not null,
    message_id  text not null,
    primary key (shop, told_by, channel, purpose)
);
insert into consent_words (shop, told_by, channel, purpose, granted, wording, at, message_id)
select shop, customer_id, channel, purpose, granted, wording, at, message_id from consents;

-- What the newest event's device says of itself.
alter table customers
    add column locale      text,
    add column timezone    text,
    add column context_at  timestamptz,
    add column context_by  text;

-- Every id that a cart goes by: its own, its checkouts', its orders'.
create table cart_ids (
    shop     text not null,
    kind     text not null check (kind in ('cart', 'checkout', 'order')),
    id       text not null,
    cart_id  text not null,
    primary key (shop, kind, id)
);

alter table orders
    add column checkout_id  text,
    add column total        numeric,
    add column currency     text;
create index orders_of_checkout on orders (shop, checkout_id) where checkout_id is not null and cart_id is null;

-- Locks the people that some ids are, until the transaction ends: whoever decides about a person holds their row. Each id
-- has a row of its own, known or not, so that there is always one to lock. Who an id belongs to may change while a lock is
-- waited for: then it is asked again. Returns the ids with all they belong to.
create function hold_people(in_shop text, ids text[]) returns text[] language plpgsql as $$
declare
    people text[];
    before text[];
begin
    loop
        before := people;
        people := array(
            select i from unnest(ids) i
             union select customer_id from aliases where shop = in_shop and alias_id = any(ids)
             order by 1);
        exit when people = before;
        insert into customers (shop, customer_id) select in_shop, p from unnest(people) p order by p on conflict do nothing;
        perform from customers where shop = in_shop and customer_id = any(people) order by customer_id for update;
    end loop;
    return people;
end $$;

-- What a transaction that takes events begins with: which of them are new; then locks on the people and, where there may
-- be no row to lock yet, on the carts, always in this order.
create function admit(
    in_shop text, message_ids text[], ids text[], cart_keys text[], out fresh text[], out people text[]
) language plpgsql as $$
begin
    with added as (
        insert into seen (shop, message_id) select in_shop, m from unnest(message_ids) m order by m
            on conflict do nothing returning message_id
    )
    select array_agg(message_id) from added into fresh;
    if fresh is null then
        return;
    end if;
    people := hold_people(in_shop, ids);
    perform pg_advisory_xact_lock(hashtextextended(in_shop || ' ' || k, 0)) from (
        select k from unnest(cart_keys) k order by k) keys;
end $$;

-- Takes an event that is a person's activity and nothing else, in one call. Tells whether it is new, or null where
-- nothing was done because there is more to it: it names a user and a visitor, which was not known so early.
create function take_activity(
    in_shop text, in_message_id text, user_id text, visitor text, in_kind text, in_name text, in_at timestamptz,
    in_received_at timestamptz, in_content jsonb, in_locale text, in_timezone text
) returns boolean language plpgsql as $$
declare
    told text := coalesce(user_id, visitor);
    person text;
    asked text;
begin
    if user_id is not null and visitor is not null and not exists (
        select from aliases where shop = in_shop and alias_id = visitor
           and (linked_at <= in_at or linked_to <> user_id)) then
        return null;
    end if;
    insert into seen (shop, message_id) values (in_shop, in_message_id) on conflict do nothing;
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
    return true;
end $$;

-- Moves all that was told of one person to another, whom they turned out to be; both rows are locked, and traits put
-- together already. The row that is left stays, empty: whoever waits for its lock asks again who the person is.
drop function move_visitor(text, text, text);
create function move_person(
    in_shop text, gone text, stays text, in_linked_to text, in_traits jsonb, in_at timestamptz, in_by text, in_why text
) returns setof text language sql as $$
    select from carts where shop = in_shop and customer_id = gone order by cart_id for update;
    update carts set customer_id = stays where shop = in_shop and customer_id = gone;
    update orders set customer_id = stays where shop = in_shop and customer_id = gone;
    update events set customer_id = stays where shop = in_shop and customer_id = gone;
    update sends set customer_id = stays from journeys j
     where j.id = sends.journey and j.shop = in_shop and j.customer_id = gone;
    update offers set customer_id = stays from journeys j
     where j.id = offers.journey and j.shop = in_shop and j.customer_id = gone;
    update verified_contacts set customer_id = stays where shop = in_shop and customer_id = gone;
    delete from consents where shop = in_shop and customer_id = gone;

    update customers p set
        traits = in_traits,
        last_activity = greatest(p.last_activity, v.last_activity),
        (locale, timezone, context_at, context_by) = (
            select * from (values (p.locale, p.timezone, p.context_at, p.context_by),
                (v.locale, v.timezone, v.context_at, v.context_by)) w (l, z, at, by)
            order by at desc nulls last, by desc limit 1)
      from customers v
     where p.shop = in_shop and p.customer_id = stays and v.shop = in_shop and v.customer_id = gone;
    update customers set traits = '{}', last_activity = null, locale = null, timezone = null, context_at = null,
           context_by = null
     where shop = in_shop and customer_id = gone;

    update aliases set customer_id = stays where shop = in_shop and customer_id = gone;
    insert into aliases (shop, alias_id, customer_id, linked_to, linked_at, linked_by, why)
    values (in_shop, gone, stays, in_linked_to, in_at, in_by, in_why);

    update journeys set customer_id = stays where shop = in_shop and customer_id = gone returning id;
$$;
