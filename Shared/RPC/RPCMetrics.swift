import Contracts
public import Metrics
public import Primitives

/// Rate, errors and duration of questions, on the side that asks and on the side that answers. Labels are names that the code knows: what else is
/// asked for is `unknown`.
public struct RPCMetrics: Sendable {
    public static let descriptions: [MetricDescription] = [
        .counter(
            "rpc_server_requests_total", "method", "caller", "outcome",
            help: "Questions of other services, by what became of them: ok, or the kind of the error."),
        .histogram("rpc_server_request_duration_seconds", "method", help: "From a question's arrival to its answer."),
        .counter(
            "rpc_client_requests_total", "peer", "method", "outcome",
            help: "Questions to other services, by what became of them in the end: ok, or the kind of the error."),
        .histogram("rpc_client_request_duration_seconds", "peer", "method", help: "From a question to its answer, its repetitions included."),
        .counter("rpc_client_retries_total", "peer", "method", help: "Questions that were asked again after a lost answer."),
    ]

    private struct Key: Hashable {
        let peer: String
        let method: String
        var outcome = ""
    }

    private let served: Memo<Key, Counter>
    private let serving: Memo<String, Timer>
    private let asked: Memo<Key, Counter>
    private let asking: Memo<Key, Timer>
    private let repeated: Memo<Key, Counter>

    public init(factory: any MetricsFactory = MetricsSystem.factory) {
        served = Memo { key in
            Counter(
                label: "rpc_server_requests_total", dimensions: [("method", key.method), ("caller", key.peer), ("outcome", key.outcome)],
                factory: factory)
        }
        serving = Memo { Timer(label: "rpc_server_request_duration_seconds", dimensions: [("method", $0)], factory: factory) }
        asked = Memo { key in
            Counter(
                label: "rpc_client_requests_total", dimensions: [("peer", key.peer), ("method", key.method), ("outcome", key.outcome)],
                factory: factory)
        }
        asking = Memo { key in
            Timer(label: "rpc_client_request_duration_seconds", dimensions: [("peer", key.peer), ("method", key.method)], factory: factory)
        }
        repeated = Memo { key in
            Counter(label: "rpc_client_retries_total", dimensions: [("peer", key.peer), ("method", key.method)], factory: factory)
        }
    }

    func answered(_ method: String, to caller: ServiceName, _ outcome: String, in duration: Duration) {
        served[Key(peer: caller.rawValue, method: method, outcome: outcome)].increment()
        serving[method].record(duration: duration)
    }

    func asked(_ method: String, of peer: String, _ outcome: String, in duration: Duration) {
        asked[Key(peer: peer, method: method, outcome: outcome)].increment()
        asking[Key(peer: peer, method: method)].record(duration: duration)
    }

    func repeats(_ method: String, of peer: String) {
        repeated[Key(peer: peer, method: method)].increment()
    }
}
