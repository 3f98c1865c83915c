-- Who has a number, however it was written.
create index customers_by_phone on customers
    (shop, right(regexp_replace(traits #>> '{phone,value}', '[^0-9]', '', 'g'), 9))
 where traits ? 'phone';
