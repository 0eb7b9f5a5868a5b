import CEtpan
import Foundation

/// Lets libetpan speak through a ``Wire``.
enum WireDriver {
    /// libetpan's stream over `wire`, which must outlive it; the stream belongs to whoever gives it to `mailimap_connect`.
    static func stream(over wire: Wire) -> UnsafeMutablePointer<mailstream>? {
        guard let low = mailstream_low_new(Unmanaged.passUnretained(wire).toOpaque(), driver) else { return nil }
        guard let stream = mailstream_new(low, 16 << 10) else {
            mailstream_low_free(low)
            return nil
        }
        return stream
    }

    /// Never changed after it was made, never freed: streams keep its address.
    private nonisolated(unsafe) static let driver: UnsafeMutablePointer<mailstream_low_driver> = {
        let driver = UnsafeMutablePointer<mailstream_low_driver>.allocate(capacity: 1)
        driver.initialize(to: mailstream_low_driver())
        driver.pointee.mailstream_read = { low, buffer, count in
            guard let wire = WireDriver.wire(low), let buffer, count > 0 else { return -1 }
            return wire.read(buffer, count)
        }
        driver.pointee.mailstream_write = { low, buffer, count in
            guard let wire = WireDriver.wire(low), let buffer else { return -1 }
            return wire.write(buffer, count)
        }
        driver.pointee.mailstream_close = { low in
            WireDriver.wire(low)?.close()
            return 0
        }
        driver.pointee.mailstream_get_fd = { _ in -1 }
        // The stream's own memory; the wire is its connection's.
        driver.pointee.mailstream_free = { low in free(low) }
        driver.pointee.mailstream_cancel = { _ in }
        driver.pointee.mailstream_get_cancel = { _ in nil }
        driver.pointee.mailstream_get_certificate_chain = { _ in nil }
        driver.pointee.mailstream_setup_idle = { _ in -1 }
        driver.pointee.mailstream_unsetup_idle = { _ in -1 }
        driver.pointee.mailstream_interrupt_idle = { _ in -1 }
        return driver
    }()

    private static func wire(_ low: UnsafeMutablePointer<mailstream_low>?) -> Wire? {
        low?.pointee.data.map { Unmanaged<Wire>.fromOpaque($0).takeUnretainedValue() }
    }
}
