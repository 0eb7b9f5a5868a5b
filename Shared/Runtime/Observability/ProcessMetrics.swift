import Foundation
import Primitives

/// What the kernel knows of this process, under the names that Prometheus' own libraries use.
enum ProcessMetrics {
    static let descriptions: [MetricDescription] = [
        .counter("process_cpu_seconds_total", help: "Processor time, user and system."),
        .gauge("process_resident_memory_bytes", help: "Memory that is really there."),
        .gauge("process_start_time_seconds", help: "When the process began, as Unix time."),
        .gauge("process_open_fds", help: "Files and sockets that are open."),
        .gauge("process_max_fds", help: "How many there may be."),
        .gauge("process_threads", help: "Threads of the process."),
    ]

    /// As of now, in the text format.
    static func exposition() -> String {
        guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8) else { return "" }
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
        let machine = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let values = values(stat: stat, machine: machine, ticks: Double(sysconf(Int32(_SC_CLK_TCK))), page: Double(sysconf(Int32(_SC_PAGESIZE))))
        let all = values.merging(["process_open_fds": Double(open), "process_max_fds": Double(limit.rlim_cur)]) { first, _ in first }
        return descriptions.compactMap { description in
            let name = description.name
            return all[name].map { "# HELP \(name) \(description.help)\n# TYPE \(name) \(description.kind.rawValue)\n\(name) \($0)\n" }
        }.joined()
    }

    /// From `/proc/self/stat` and `/proc/stat` (proc(5)); what cannot be read is left out.
    static func values(stat: String, machine: String, ticks: Double, page: Double) -> [String: Double] {
        // The second field is the program's name and may hold anything; numbers follow its last bracket.
        guard let end = stat.lastIndex(of: ")") else { return [:] }
        let fields = stat[stat.index(after: end)...].split(separator: " ").map { Double($0) ?? 0 }
        guard fields.count > 21 else { return [:] }
        var values = [
            "process_cpu_seconds_total": (fields[11] + fields[12]) / ticks,
            "process_threads": fields[17],
            "process_resident_memory_bytes": fields[21] * page,
        ]
        let boot = machine.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
        if let boot { values["process_start_time_seconds"] = boot + fields[19] / ticks }
        return values
    }
}
