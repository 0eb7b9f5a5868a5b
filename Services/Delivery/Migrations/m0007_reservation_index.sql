-- Mails of a reservation that may still go out: Billing asks for them when a reservation is a day old. As with every index on the ledger, it takes
-- no mail while this is built: a partitioned table cannot have an index built beside its writers, and a migration is one transaction.
create index sends_reservation_open on sends (tenant_id, reservation_id)
    where reservation_id is not null and state in ('planned', 'claimed', 'data_sent', 'deferred');
