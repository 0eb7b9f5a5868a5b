-- What a company used goes with the company.
grant delete on subscriptions, mail_periods, mail_reservations to billing_worker;
