-- The traceparent (W3C) of the request that launched a campaign: what is done for the campaign goes on in that trace.
alter table campaigns add column launch_trace text;
