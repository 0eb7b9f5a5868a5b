import Contracts
import Postgres

extension LeadTimeline {
    /// Mails of campaigns, and what was done with each, the first time. A mail has no identifier of its own: that of an entry is made of what
    /// names it, so that it is the same on every page.
    @Sendable static func mails(_ subject: Subject) -> SQL {
        """
        select v.at, md5(s.enrolment_id::text || ':' || s.step::text || ':' || v.kind)::uuid as id, v.kind, null::text as actor,
            jsonb_build_object('campaign', c.id, 'campaign_name', c.name, 'enrolment', s.enrolment_id, 'step', s.step, 'variant', s.variant)
                as detail
        from enrolment_sends s join campaigns c on c.tenant_id = s.tenant_id and c.id = s.campaign_id
        cross join lateral (values
            (case when s.state in ('accepted', 'ambiguous') then s.sent_at end, 'mail_sent'),
            (s.opened_at, 'mail_opened'), (s.machine_opened_at, 'mail_opened_by_machine'), (s.clicked_at, 'mail_clicked'),
            (s.replied_at, 'mail_replied'), (s.bounced_at, 'mail_bounced'), (s.complained_at, 'mail_complained'),
            (s.unsubscribed_at, 'mail_unsubscribed')) as v (at, kind)
        where s.tenant_id = \(subject.tenant) and s.lead_id = \(subject.lead) and v.at is not null
          and (\(subject.workspaces)::uuid[] is null or c.workspace_id = any(\(subject.workspaces)))
        """
    }
}
