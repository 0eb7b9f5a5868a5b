import Contracts
import Foundation
import Mail

/// What the signatures of one mail cost a processor, measured alone: `./penguin bench delivery` asks for it by `--measure-signatures`, which needs
/// neither settings nor a database.
enum SignatureMeasure {
    struct Report: Encodable {
        /// Of a processor's time.
        let microseconds: Double
        let bytes: Int
        let algorithms: [String]
    }

    private static let rounds = 9
    private static let mails = 200

    /// As JSON: the median of several rounds over a mail as the benchmark sends it.
    static func report() throws -> String {
        let keys = try DKIMKey.Algorithm.allCases.map { try DKIMKey.make(selector: "pm20260101\($0)", algorithm: $0) }
        let signer = DKIMSigner(domain: "bench.example.com", keys: keys)
        let message = try sample()
        let instant = Date()
        var costs: [Double] = []
        // The first round prepares what the keys keep.
        for round in 0...rounds {
            let start = processorTime()
            for _ in 0..<mails { _ = try signer.signed(message, at: instant) }
            if round > 0 { costs.append(processorTime() - start) }
        }
        let report = Report(
            microseconds: costs.sorted()[rounds / 2] / Double(mails) * 1_000_000, bytes: message.count, algorithms: keys.map(\.algorithm.rawValue))
        return String(decoding: try WireJSON.encoder().encode(report), as: UTF8.self)
    }

    private static func sample() throws -> [UInt8] {
        let line = String(repeating: "x", count: 72) + "\n"
        return try MailMessage(
            from: MailAddress("bench0@bench.example.com").named("Bench"), to: [MailAddress("lead0@example.org").named(nil)], subject: "A question",
            text: String(repeating: line, count: 64), messageIdentifier: "0123456789abcdef0123456789abcdef@bench.example.com", date: Date(),
            listUnsubscribe: ListUnsubscribe(link: "https://localhost:8443/u/" + String(repeating: "t", count: 100))
        ).serialized()
    }

    /// Seconds of processor time, of which this process has no other use.
    private static func processorTime() -> Double {
        // POSIX has a million a second.
        Double(clock()) / 1_000_000
    }
}
