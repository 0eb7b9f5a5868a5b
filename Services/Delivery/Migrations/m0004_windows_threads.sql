-- When a mail may go out, which mails it follows, and what its reader's doings are noticed of; erased with what it says.
alter table send_contents
    -- As it came; null is at any hour.
    add column sending_window jsonb,
    -- Send keys of the same mailbox's earlier mails, oldest first.
    add column follows text[],
    add column tracks_opens boolean not null default false,
    add column tracks_clicks boolean not null default false;
