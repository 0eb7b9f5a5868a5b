import Postgres
import Primitives
import RPC
import Streams

/// Everything that a service counts, by name: what `/metrics` tells of with help, and what `--metrics` lists.
enum MetricCatalogue {
    /// What every service has.
    static let house =
        RequestMetrics.descriptions + RPCMetrics.descriptions + PoolMetrics.descriptions + StreamMetrics.descriptions + HouseGauges.descriptions
        + GaugeSampling.descriptions + SpanBuffer.descriptions

    static func of<Deployable: DeployableService>(_ type: Deployable.Type) -> [MetricDescription] {
        (house + type.metrics).sorted { $0.name < $1.name }
    }

    /// `outbox_events gauge state`, one line a metric, sorted.
    static func lines<Deployable: DeployableService>(of type: Deployable.Type) -> [String] {
        (of(type) + ProcessMetrics.descriptions).sorted { $0.name < $1.name }
            .map { ([$0.name, $0.kind.rawValue] + $0.labels).joined(separator: " ") }
    }
}
