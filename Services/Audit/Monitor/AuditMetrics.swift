import Primitives

/// What Audit counts of the trail, its checkpoints and the gateway's certificate.
enum AuditMetrics {
    static let descriptions: [MetricDescription] = [
        .counter("trail_events_total", help: "Entries that came into the trail."),
        .counter("trail_damaged_trees_total", help: "Tries to add to a tree that is not what was signed; each is an alarm."),
        .counter("trail_refused_prunings_total", help: "Prunings that were refused because something is not as it was signed."),
        .gauge("trail_unplaced_events", help: "Entries that stand in no month's partition."),
        .gauge("audit_quarantined_events", help: "Events that the trail could not take in and that somebody has to look at."),
        .counter("checkpoint_deliveries_total", "kind", "outcome", help: "Checkpoints sent out of the house, by channel and by what came of it."),
        .gauge(
            "gateway_certificate_expiry_timestamp_seconds",
            help: "When the certificate that the gateway shows ends; only where the gateway is probed."),
    ]
}
