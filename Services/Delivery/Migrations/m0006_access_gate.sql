-- What a company may do by its subscription holds its mail beside the platform's suspension: each has its own versions.
alter table send_gates drop constraint send_gates_scope_check;
alter table send_gates add constraint send_gates_scope_check
    check (scope in ('tenant', 'access', 'workspace', 'campaign', 'enrolment', 'mailbox'));
