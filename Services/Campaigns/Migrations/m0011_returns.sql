-- Whether the next mail to somebody who is away waits for the day after the return, where the automatic answer says when that is.
alter table campaigns add column pause_until_return boolean not null default true;
