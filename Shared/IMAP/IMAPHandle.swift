import CEtpan
import Foundation

/// The one owner of a `mailimap` session and of the wire under it.
struct IMAPHandle: ~Copyable {
    let session: UnsafeMutablePointer<mailimap>
    let wire: Wire

    /// Large mails stay in memory instead of files in /tmp: what they may be is bounded before.
    private static let keepsInMemory: Void = mmap_string_set_ceil(Int.max)

    init(_ wire: Wire) throws(IMAPError) {
        Self.keepsInMemory
        guard let session = mailimap_new(0, nil) else {
            throw IMAPError(.connectFailed, stage: .connect, message: "no memory for a session")
        }
        self.session = session
        self.wire = wire
    }

    deinit {
        // Freeing a session says goodbye on its stream: on a closed wire that fails at once, wherever this runs.
        wire.close()
        mailimap_free(session)
    }
}

/// The elements of a list of libetpan's; good as long as the list is.
struct CList<Element>: Sequence {
    let list: UnsafeMutablePointer<clist>?

    init(_ list: UnsafeMutablePointer<clist>?, of type: Element.Type) {
        self.list = list
    }

    func makeIterator() -> AnyIterator<UnsafeMutablePointer<Element>> {
        var cell = list?.pointee.first
        return AnyIterator {
            while let current = cell {
                cell = current.pointee.next
                if let data = current.pointee.data { return data.assumingMemoryBound(to: Element.self) }
            }
            return nil
        }
    }
}
