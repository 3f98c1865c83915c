-- An offer is taken back with its journey, where that is cancelled.
alter table offers drop constraint offers_state_check;
alter table offers add check (state in ('promised', 'issued', 'redeemed', 'revoked'));
