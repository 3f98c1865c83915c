-- The browsers in which a person may be shown what is said to them, by the ids that capture.js keeps there (their form is
-- the last argument). A page may call anybody's browser a user's, and a cart of it too, so its word alone shows nothing:
--
-- - a person whom the shop does not know as a user is their browser;
-- - the browser of a user is what the shop's backend has called so, in one event with the user's id.
create or replace function browsers_of(in_shop text, person text, form text) returns setof text
language sql stable as $$
    select c.customer_id from customers c
     where c.shop = in_shop and c.customer_id = person and not c.known and c.customer_id ~ form
    union all
    select a.alias_id from aliases a join customers c on c.shop = a.shop and c.customer_id = a.alias_id
     where a.shop = in_shop and a.customer_id = person and not c.known and a.alias_id ~ form
       and exists (
            select from events e
             where e.shop = in_shop and e.customer_id = person and e.at >= a.linked_at
               and e.content -> 'from_backend' = 'true' and e.content ->> 'user_id' is not null
               and a.alias_id in (e.content ->> 'anonymous_id', e.content ->> 'previous_id'))
$$;
