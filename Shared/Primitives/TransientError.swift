/// An error that knows whether the same may succeed a little later without anybody changing anything.
public protocol TransientError: Error {
    var isTransient: Bool { get }
}
