-- The browsers in which a person may be shown what is said about a cart, or about none, by the ids that capture.js keeps
-- there (their form is the last argument). A page may call anybody's browser a user's, so its word alone shows nothing:
--
-- - a person whom the shop does not know as a user is their browser;
-- - the browser of a user is what the shop's backend has called so, in one event with the user's id;
-- - and the one in which the cart was opened.
create or replace function browsers_of(in_shop text, person text, in_cart text, form text) returns setof text
language sql stable as $$
    select c.customer_id from customers c
     where c.shop = in_shop and c.customer_id = person and not c.known and c.customer_id ~ form
    union all
    select a.alias_id from aliases a join customers c on c.shop = a.shop and c.customer_id = a.alias_id
     where a.shop = in_shop and a.customer_id = person and not c.known and a.alias_id ~ form
       and (a.alias_id = (
                select e.content ->> 'anonymous_id' from events e
                 where e.shop = in_shop and e.cart_id = in_cart order by e.received_at, e.at limit 1)
            or exists (
                select from events e
                 where e.shop = in_shop and e.customer_id = person and e.at >= a.linked_at
                   and e.content -> 'from_backend' = 'true' and e.content ->> 'user_id' is not null
                   and a.alias_id in (e.content ->> 'anonymous_id', e.content ->> 'previous_id')))
$$;
