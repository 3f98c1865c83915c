-- Whether the shop knows this person as a user. A visitor who is not known yet may turn out to be one.
alter table customers add column known boolean not null default false;

-- Moves what is told of a visitor to the user they turned out to be; both rows are locked, and traits put together
-- already. The visitor's row stays, empty: whoever waits for its lock looks for the person again.
-- Returns the ids of the journeys that moved.
create function move_visitor(in_shop text, visitor text, person text) returns setof text language sql as $$
    select from carts where shop = in_shop and customer_id = visitor order by cart_id for update;
    update carts set customer_id = person where shop = in_shop and customer_id = visitor;
    update orders set customer_id = person where shop = in_shop and customer_id = visitor;
    update events set customer_id = person where shop = in_shop and customer_id = visitor;
    update sends set customer_id = person from journeys j
     where j.id = sends.journey and j.shop = in_shop and j.customer_id = visitor;
    update offers set customer_id = person from journeys j
     where j.id = offers.journey and j.shop = in_shop and j.customer_id = visitor;

    -- The newest word on each channel and purpose counts, as everywhere.
    insert into consents (shop, customer_id, channel, purpose, granted, wording, at, message_id)
    select shop, person, channel, purpose, granted, wording, at, message_id
      from consents where shop = in_shop and customer_id = visitor
        on conflict (shop, customer_id, channel, purpose) do update
       set granted = excluded.granted, wording = excluded.wording, at = excluded.at, message_id = excluded.message_id
     where (consents.at, consents.message_id) < (excluded.at, excluded.message_id);
    delete from consents where shop = in_shop and customer_id = visitor;

    update customers p set last_activity = greatest(p.last_activity, v.last_activity) from customers v
     where p.shop = in_shop and p.customer_id = person and v.shop = in_shop and v.customer_id = visitor;
    update customers set traits = '{}', last_activity = null where shop = in_shop and customer_id = visitor;

    update journeys set customer_id = person where shop = in_shop and customer_id = visitor returning id;
$$;

create index offers_of_customer on offers (shop, customer_id);
