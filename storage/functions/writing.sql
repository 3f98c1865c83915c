-- Writes what a transaction that takes events changed: a JSON document with a list of rows for each table, where it has
-- any.
create or replace function write_work(in_shop text, work jsonb) returns void language plpgsql as $$
begin
    if work ? 'customers' then
        insert into customers as c (shop, customer_id, known, last_activity, locale, timezone, context_at, context_by)
        select in_shop, r.customer_id, r.known, r.last_activity, r.locale, r.timezone, r.context_at, r.context_by
          from jsonb_populate_recordset(null::customers, work -> 'customers') r
            on conflict (shop, customer_id) do update set
               known = c.known or excluded.known,
               last_activity = greatest(c.last_activity, excluded.last_activity),
               (locale, timezone, context_at, context_by) = (
                   select * from (values (c.locale, c.timezone, c.context_at, c.context_by),
                       (excluded.locale, excluded.timezone, excluded.context_at, excluded.context_by)) w (l, z, at, by)
                   order by at desc nulls last, by desc limit 1);
    end if;
    if work ? 'aliases' then
        insert into aliases (shop, alias_id, customer_id, linked_to, linked_at, linked_by, why, of_users)
        select in_shop, r.alias_id, r.customer_id, r.linked_to, r.linked_at, r.linked_by, r.why, r.of_users
          from jsonb_populate_recordset(null::aliases, work -> 'aliases') r;
    end if;
    if work ? 'events' then
        insert into events (shop, message_id, kind, name, at, received_at, customer_id, cart_id, order_id, content)
        select in_shop, r.message_id, r.kind, r.name, r.at, r.received_at, r.customer_id, r.cart_id, r.order_id, r.content
          from jsonb_populate_recordset(null::events, work -> 'events') r;
    end if;
    if work ? 'carts' then
        insert into carts (shop, cart_id, customer_id, content, opened_at, holds_items, last_at, ordered_at, order_id)
        select in_shop, r.cart_id, r.customer_id, r.content, r.opened_at, r.holds_items, r.last_at, r.ordered_at, r.order_id
          from jsonb_populate_recordset(null::carts, work -> 'carts') r
            on conflict (shop, cart_id) do update set
               customer_id = excluded.customer_id, content = excluded.content, opened_at = excluded.opened_at,
               holds_items = excluded.holds_items, last_at = excluded.last_at, ordered_at = excluded.ordered_at,
               order_id = excluded.order_id;
    end if;
    if work ? 'ordered_carts' then
        update carts c set ordered_at = r.ordered_at, order_id = r.order_id
          from jsonb_populate_recordset(null::carts, work -> 'ordered_carts') r
         where c.shop = in_shop and c.cart_id = r.cart_id;
    end if;
    if work ? 'cart_ids' then
        insert into cart_ids (shop, kind, id, cart_id)
        select in_shop, r.kind, r.id, r.cart_id from jsonb_populate_recordset(null::cart_ids, work -> 'cart_ids') r
         order by r.kind, r.id on conflict do nothing;
    end if;
    if work ? 'contacts' then
        insert into verified_contacts (shop, kind, address, customer_id)
        select in_shop, r.kind, r.address, r.customer_id
          from jsonb_populate_recordset(null::verified_contacts, work -> 'contacts') r
         order by r.kind, r.address on conflict do nothing;
    end if;
    if work ? 'orders' then
        insert into orders (shop, order_id, customer_id, cart_id, checkout_id, of_person, at, message_id, from_backend,
                            total, currency)
        select in_shop, r.order_id, r.customer_id, r.cart_id, r.checkout_id, r.of_person, r.at, r.message_id,
               r.from_backend, r.total, r.currency
          from jsonb_populate_recordset(null::orders, work -> 'orders') r
            on conflict (shop, order_id, message_id, from_backend) do update set
               cart_id = excluded.cart_id, of_person = excluded.of_person;
    end if;
    if work ? 'journeys' then
        insert into journeys select * from jsonb_populate_recordset(null::journeys, work -> 'journeys');
    end if;
    if work ? 'changed_journeys' then
        update journeys j set
               customer_id = r.customer_id, held_out = r.held_out, started_at = r.started_at, status = r.status,
               outcome = r.outcome, reason = r.reason, ended_at = r.ended_at, paused_at = r.paused_at, next_at = r.next_at
          from jsonb_populate_recordset(null::journeys, work -> 'changed_journeys') r
         where j.id = r.id;
    end if;
    if work ? 'lines' then
        insert into journey_log (journey, at, what, why)
        select r.journey, r.at, r.what, r.why
          from jsonb_populate_recordset(null::journey_log, work -> 'lines') r on conflict do nothing;
    end if;
    if work ? 'begun_earlier' then
        update journey_log l set at = r.at
          from jsonb_populate_recordset(null::journey_log, work -> 'begun_earlier') r
         where l.journey = r.journey and l.what = 'started';
    end if;
    if work ? 'outbox' then
        insert into outbox (journey, signal, payload)
        select r.journey, r.signal, r.payload from jsonb_populate_recordset(null::outbox, work -> 'outbox') r;
    end if;
    if work ? 'segment_queue' then
        insert into segment_queue (shop, customer_id, at)
        select in_shop, r.customer_id, r.at from jsonb_populate_recordset(null::segment_queue, work -> 'segment_queue') r;
    end if;
    if work ? 'ordered' then
        -- The credits that were promised for an order that came before their deadline, where the message went out.
        update offers o set state = 'issued', issued_at = r.ordered_at
          from jsonb_populate_recordset(null::carts, work -> 'ordered') r
         where o.shop = in_shop and o.cart_id = r.cart_id and o.state = 'promised' and o.deadline >= r.ordered_at
           and o.made_at <= r.ordered_at and exists (
                select from sends s
                 where s.journey = o.journey and split_part(s.step, '/', 1) = o.step
                   and s.state not in ('refused', 'rejected', 'released'));
    end if;
end $$;
