-- Locking people, and moving what was told of one to another.

-- Locks the people that some ids are, until the transaction ends: whoever decides about a person holds their row. Each id
-- has a row of its own, known or not, so that there is always one to lock. Who an id belongs to may change while a lock is
-- waited for: then it is asked again. Returns the ids with all they belong to.
create or replace function hold_people(in_shop text, ids text[]) returns text[] language plpgsql as $$
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

-- Moves all that was told of one person to another, whom they turned out to be; both rows are locked, and traits put
-- together already. The row that is left stays, empty: whoever waits for its lock asks again who the person is. Returns
-- the ids of the journeys that moved, or null where neither a cart, an order nor a journey did.
create or replace function move_person(
    in_shop text, gone text, stays text, in_linked_to text, in_traits jsonb, in_at timestamptz, in_by text, in_why text,
    in_of_users boolean
) returns text[] language plpgsql as $$
declare
    things bigint;
    orders_moved bigint;
    moved text[];
begin
    perform from carts where shop = in_shop and customer_id = gone order by cart_id for update;
    update carts set customer_id = stays where shop = in_shop and customer_id = gone;
    get diagnostics things = row_count;
    update orders set customer_id = stays where shop = in_shop and customer_id = gone;
    get diagnostics orders_moved = row_count;
    update events set customer_id = stays where shop = in_shop and customer_id = gone;
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

    update tasks set customer_id = stays where shop = in_shop and customer_id = gone;
    delete from person_segments where shop = in_shop and customer_id = gone;
    insert into segment_queue (shop, customer_id, at) values (in_shop, stays, in_at);
    update replies set customer_id = stays where shop = in_shop and customer_id = gone;
    -- those of journeys, and the answers to STOP and the like, which belong to none
    update sends set customer_id = stays where shop = in_shop and customer_id = gone;
    update verified_contacts set customer_id = stays where shop = in_shop and customer_id = gone;
    update aliases set customer_id = stays where shop = in_shop and customer_id = gone;
    insert into aliases (shop, alias_id, customer_id, linked_to, linked_at, linked_by, why, of_users)
    values (in_shop, gone, stays, in_linked_to, in_at, in_by, in_why, in_of_users);
    insert into labels as l (shop, customer_id, name, value, set_at)
    select shop, stays, name, value, set_at from labels where shop = in_shop and customer_id = gone
        on conflict (shop, customer_id, name) do update set value = excluded.value, set_at = excluded.set_at
         where l.set_at < excluded.set_at;
    delete from labels where shop = in_shop and customer_id = gone;

    update offers set customer_id = stays from journeys j
     where j.id = offers.journey and j.shop = in_shop and j.customer_id = gone;
    with j as (update journeys set customer_id = stays where shop = in_shop and customer_id = gone returning id)
    select coalesce(array_agg(id), '{}') from j into moved;
    return case when things + orders_moved > 0 or moved <> '{}' then moved end;
end $$;
