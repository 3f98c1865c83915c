-- Reading what a transaction that takes events works on: one JSON document, with a list for each table.

-- Reads what is told of by some ids of people, who they are, and some ids of carts. The carts are locked. Journeys are
-- not: whoever changes one reads its person's whole.
create or replace function read_work(
    in_shop text, told_ids text[], people text[], token_kinds text[], token_ids text[], contact_kinds text[],
    addresses text[]
) returns json language sql as $$
    with tokens as materialized (
        select i.kind, i.id, i.cart_id from cart_ids i
          join unnest(token_kinds, token_ids) t (kind, id) on (t.kind, t.id) = (i.kind, i.id)
         where i.shop = in_shop),
    named as materialized (
        select * from carts where shop = in_shop and cart_id = any(token_ids || array(select cart_id from tokens))
         order by cart_id for update),
    of_carts as materialized (
        select o from orders o where shop = in_shop and cart_id = any(array(select cart_id from named) || token_ids)
         union select o from orders o where shop = in_shop and order_id = any(token_ids)
         union select o from orders o where shop = in_shop and cart_id is null and checkout_id = any(token_ids)),
    tellers as materialized (
        select unnest(told_ids || people) as id
         union select customer_id from named
         union select content ->> 'user' from named
         union select t from named, jsonb_object_keys(coalesce(content -> 'told', '{}')) t
         union select (o).customer_id from of_carts),
    found_aliases as materialized (
        select * from aliases where shop = in_shop and alias_id = any(array(select id from tellers)))
    select json_build_object(
        'tokens', (select json_agg(t) from tokens t),
        'carts', (select json_agg(n) from named n),
        'orders', (select json_agg(o) from of_carts),
        'aliases', (select json_agg(a) from found_aliases a),
        'people', (
            select json_object_agg(customer_id, known) from customers where shop = in_shop and customer_id = any(array(
                select id from tellers union select customer_id from found_aliases))),
        -- rows that this transaction made: nothing was ever told of them
        'strangers', (
            select json_agg(customer_id) from customers
             where shop = in_shop and customer_id = any(people) and xmin = pg_current_xact_id()::xid),
        'journeys', (
            select json_agg(j) from journeys j
             where shop = in_shop and cart_id = any(array(select cart_id from named))),
        'contacts', (
            select json_agg(c) from verified_contacts c
              join unnest(contact_kinds, addresses) t (kind, address) on (t.kind, t.address) = (c.kind, c.address)
             where shop = in_shop),
        'asked', (select json_agg(name) from asked_events where shop = in_shop),
        'plans', (
            select json_object_agg(plan, version) from (
                select plan, max(version) as version from plan_versions where shop = in_shop group by plan) p),
        'archived', (select json_agg(plan) from archived_plans where shop = in_shop))
$$;

-- Reads all carts, orders and journeys of people, and the journeys about some carts. The journeys are locked.
create or replace function read_whole(in_shop text, people text[], cart_ids text[]) returns json language sql as $$
    select json_build_object(
        'carts', (
            select json_agg(k) from (
                select cart_id, customer_id, opened_at, holds_items, last_at, ordered_at, order_id
                  from carts where shop = in_shop and customer_id = any(people)) k),
        'orders', (select json_agg(o) from orders o where shop = in_shop and customer_id = any(people)),
        'journeys', (
            select json_agg(j) from (
                select * from journeys where shop = in_shop and (customer_id = any(people) or cart_id = any(cart_ids))
                 order by id for update) j))
$$;

-- What a transaction that takes events begins with: which of them are new; then locks on the people and, where there may
-- be no row to lock yet, on the ids of carts, always in this order; then what it works on, as it is under these locks.
create or replace function begin_work(
    in_shop text, message_ids text[], in_from_backend boolean, told_ids text[], token_kinds text[], token_ids text[],
    contact_kinds text[], addresses text[], out fresh text[], out people text[], out work json
) language plpgsql as $$
begin
    with added as (
        insert into seen (shop, message_id, from_backend)
            select in_shop, m, in_from_backend from unnest(message_ids) m order by m
            on conflict do nothing returning message_id
    )
    select array_agg(message_id) from added into fresh;
    if fresh is null then
        return;
    end if;
    people := hold_people(in_shop, told_ids);
    perform pg_advisory_xact_lock(hashtextextended(in_shop || ' ' || id, 0)) from (
        select id from unnest(token_ids || addresses) id order by id) keys;
    work := read_work(in_shop, told_ids, people, token_kinds, token_ids, contact_kinds, addresses);
end $$;
