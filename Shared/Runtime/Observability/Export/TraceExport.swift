import AsyncHTTPClient
import Contracts
import Foundation
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import Primitives
import ServiceLifecycle

/// Where traces go, as OpenTelemetry's own variables say; nil endpoint: nowhere.
struct TraceSettings: Sendable {
    static let keys = [
        ConfigurationKey(
            "otel.exporter.otlp.endpoint", "Where traces go by OTLP/HTTP (JSON), such as http://collector:4318; empty: nowhere.", default: ""),
        ConfigurationKey(
            "otel.exporter.otlp.headers", "Headers of the export, as name=value, separated by commas.", default: "", isSecret: true),
        ConfigurationKey("otel.service.name", "This service's name in traces; empty: penguinmails-<service>.", default: ""),
        ConfigurationKey("otel.traces.sampler.arg", "Of the traces that begin here, how many are exported: 0 to 1.", default: "1"),
    ]

    let endpoint: URL?
    let headers: [(String, String)]
    let resource: [String: String]
    let share: Double

    init(_ settings: Settings, service: ServiceName, instance: String) throws(SettingsError) {
        let address = settings["otel.exporter.otlp.endpoint"]
        if address.isEmpty {
            endpoint = nil
        } else {
            guard let url = URL(string: address), ["http", "https"].contains(url.scheme), url.host() != nil else {
                throw SettingsError(problems: ["otel.exporter.otlp.endpoint must be an absolute URL"])
            }
            endpoint = url.appending(path: "v1/traces")
        }
        headers = try settings["otel.exporter.otlp.headers"].split(separator: ",").map { pair throws(SettingsError) in
            let parts = pair.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 2, !parts[0].isEmpty else {
                throw SettingsError(problems: ["otel.exporter.otlp.headers must be name=value, separated by commas"])
            }
            return (parts[0], parts[1].removingPercentEncoding ?? parts[1])
        }
        guard let share = Double(settings["otel.traces.sampler.arg"]), (0...1).contains(share) else {
            throw SettingsError(problems: ["otel.traces.sampler.arg must be a number from 0 to 1"])
        }
        self.share = share
        let name = settings["otel.service.name"]
        resource = [
            "service.name": name.isEmpty ? "penguinmails-\(service.rawValue)" : name, "service.namespace": "penguinmails",
            "service.instance.id": instance,
        ]
    }
}

/// Sends what the buffer holds, in batches, from a task of its own: whoever works knows nothing of it, and a receiver that is away costs only the
/// steps that were not sent.
struct TraceExport: Service {
    static let batch = 512

    let endpoint: URL
    let headers: [(String, String)]
    let resource: [String: String]
    let buffer: SpanBuffer
    let wakeup: Wakeup
    let httpClient: HTTPClient
    let logger: Logger
    /// How long what was said waits for more.
    var interval = Duration.seconds(5)
    /// Before each time that a batch is sent again.
    var pauses: [Duration] = [.seconds(1)]

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await wakeup.wait(atMost: interval)
                if Task.isCancelled { break }
                // In a task of its own: the end of the service does not tear what is being sent.
                await Task { await send(retrying: true) }.value
            }
        }
        // What the last requests left: one try.
        await Task { await send(retrying: false) }.value
    }

    /// Everything that waits.
    func send(retrying: Bool) async {
        while true {
            let spans = buffer.take(Self.batch)
            guard !spans.isEmpty else { return }
            let isTaken = await deliver(spans, pauses: retrying ? pauses : [])
            Counter(label: "trace_spans_total", dimensions: [("outcome", isTaken ? "exported" : "lost")]).increment(by: spans.count)
            // Whoever is away is not asked again for each batch: the buffer bounds what waits meanwhile.
            if !isTaken || spans.count < Self.batch { return }
        }
    }

    private func deliver(_ spans: [Span], pauses: [Duration]) async -> Bool {
        guard let body = try? OTLPTraces(spans, resource: resource).json() else { return false }
        var left = pauses
        while true {
            let answer = await post(body)
            switch answer {
            case .taken: return true
            case .refused(let reason):
                logger.warning("traces refused", metadata: ["reason": "\(reason)"])
                return false
            case .unavailable(let reason):
                guard let pause = left.first else {
                    logger.notice("traces not delivered", metadata: ["reason": "\(reason)", "spans": "\(spans.count)"])
                    return false
                }
                left.removeFirst()
                do { try await Task.sleep(for: pause) } catch { return false }
            }
        }
    }

    private enum Answer {
        case taken
        /// Asking again is of no use.
        case refused(String)
        case unavailable(String)
    }

    private func post(_ body: Data) async -> Answer {
        var request = HTTPClientRequest(url: endpoint.absoluteString)
        request.method = .POST
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        request.headers.replaceOrAdd(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let response = try await httpClient.execute(request, timeout: .seconds(3))
            _ = try? await response.body.collect(upTo: 1 << 16)
            switch response.status.code {
            case 200..<300: return .taken
            case 408, 429, 500...: return .unavailable("status \(response.status.code)")
            default: return .refused("status \(response.status.code)")
            }
        } catch {
            return .unavailable("\(error)")
        }
    }
}
