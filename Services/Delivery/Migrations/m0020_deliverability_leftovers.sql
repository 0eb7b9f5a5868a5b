-- The day on which somebody who is away says to be back; null when the answer does not say.
alter table inbox_messages add column returns_on date;
alter table inbound_facts add column returns_on date;
