public import Foundation

/// A POST or a GET; who sends it may also name headers, in the order in which they go out.
public struct OutgoingRequest: Sendable {
    public let address: OutgoingAddress
    /// Else its body is posted.
    let isGet: Bool
    public let headers: [(name: String, value: String)]
    public let body: Data

    public init(to address: OutgoingAddress, headers: [(name: String, value: String)], body: Data) {
        self.address = address
        self.headers = headers
        self.body = body
        isGet = false
    }

    /// A GET.
    public init(getting address: OutgoingAddress, headers: [(name: String, value: String)] = []) {
        self.address = address
        self.headers = headers
        body = Data()
        isGet = true
    }
}

/// What a server said.
public struct OutgoingAnswer: Sendable, Equatable {
    public let status: Int
    /// The beginning of it, when ``isCut``.
    public let body: Data
    /// There was more than is read.
    public let isCut: Bool
    public let duration: Duration

    public init(status: Int, body: Data, isCut: Bool, duration: Duration) {
        self.status = status
        self.body = body
        self.isCut = isCut
        self.duration = duration
    }
}

/// How far a server is waited for and listened to.
public struct OutgoingLimits: Sendable {
    /// From the name to the open, encrypted connection.
    public var connect = Duration.seconds(5)
    /// From the beginning to the last byte.
    public var total = Duration.seconds(15)
    /// Of an answer; what comes after is not read.
    public var answer = 65_536
    /// Of an answer's head; a longer one is an error.
    public var head = 65_536
    /// Requests under way at once.
    public var requests = 2_000
    /// Connections kept open between requests; one that was kept was checked when it was opened.
    public var keptConnections = 256

    public init() {}
}
