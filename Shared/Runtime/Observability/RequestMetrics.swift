import CoreMetrics
import HTTPTypes
import Metrics
import Primitives

/// Rate, errors and duration of public requests by route: the route's template, never the path that was asked for.
struct RequestMetrics: Sendable {
    static let descriptions: [MetricDescription] = [
        .counter(
            "http_server_requests_total", "method", "route", "status", help: "Public requests answered, by the route's template and the status."),
        .histogram(
            "http_server_request_duration_seconds", "method", "route",
            help: "From a public request's arrival to the head of its answer; what a stream then takes is not counted."),
        .gauge("http_server_active_requests", "method", help: "Public requests whose answers have not begun."),
    ]

    /// What else is sent as a method counts as one.
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    private struct Key: Hashable {
        let method: String
        let route: String
        var status = 0
    }

    private let answered: Memo<Key, Counter>
    private let durations: Memo<Key, Timer>
    private let active: Memo<String, Meter>

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        answered = Memo { key in
            Counter(
                label: "http_server_requests_total",
                dimensions: [("method", key.method), ("route", key.route), ("status", String(key.status))], factory: factory)
        }
        durations = Memo { key in
            Timer(
                label: "http_server_request_duration_seconds", dimensions: [("method", key.method), ("route", key.route)], factory: factory)
        }
        active = Memo { Meter(label: "http_server_active_requests", dimensions: [("method", $0)], factory: factory) }
    }

    static func label(_ method: HTTPRequest.Method) -> String {
        methods.contains(method.rawValue) ? method.rawValue : "other"
    }

    func began(_ method: HTTPRequest.Method) {
        active[Self.label(method)].increment()
    }

    func ended(_ method: HTTPRequest.Method, _ route: String, _ status: Int, in duration: Duration) {
        let method = Self.label(method)
        active[method].decrement()
        answered[Key(method: method, route: route, status: status)].increment()
        durations[Key(method: method, route: route)].record(duration: duration)
    }
}
