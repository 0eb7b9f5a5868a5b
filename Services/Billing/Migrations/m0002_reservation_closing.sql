-- When the last mail of a reservation was used or released: what is still open is what may have to be asked for.
alter table mail_reservations add column closed_at timestamptz;
update mail_reservations set closed_at = now() where used + released = count;
alter table mail_reservations add constraint mail_reservations_closed check ((closed_at is not null) = (used + released = count));
