import CGMime

/// One reference to an object of GMime, given back when the value ends.
///
/// GMime may be used from several threads as long as no two touch the same object: beyond its objects it only has the tables that `g_mime_init`
/// makes, and `gmime-charset.c` guards the one that still changes by a mutex. Everything here belongs to one call.
struct GMimeReference<Object>: ~Copyable {
    let pointer: UnsafeMutablePointer<Object>

    /// Takes over a reference that the caller owns.
    init?(_ pointer: UnsafeMutablePointer<Object>?) {
        guard let pointer else { return nil }
        self.pointer = pointer
    }

    deinit {
        g_object_unref(pointer)
    }
}

/// The parts of GMime's interface that are macros in C, or hand out what somebody has to free.
enum GMimeLibrary {
    /// Touched before anything else of the library; Swift runs it once.
    static let ready: Void = g_mime_init()

    static func isPart(_ object: UnsafeMutablePointer<GMimeObject>) -> Bool { object.isA(g_mime_part_get_type()) }
    static func isMultipart(_ object: UnsafeMutablePointer<GMimeObject>) -> Bool { object.isA(g_mime_multipart_get_type()) }
    static func isMessagePart(_ object: UnsafeMutablePointer<GMimeObject>) -> Bool { object.isA(g_mime_message_part_get_type()) }

    /// Text of the library's, which stays its own.
    static func text(_ pointer: UnsafePointer<CChar>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    /// Text that the library made for us.
    static func owned(_ pointer: UnsafeMutablePointer<CChar>?) -> String? {
        guard let pointer else { return nil }
        defer { g_free(pointer) }
        return String(cString: pointer)
    }

    /// `type/subtype` in lower case, and what it is called with.
    static func contentType(_ object: UnsafeMutablePointer<GMimeObject>) -> String? {
        guard let type = g_mime_object_get_content_type(object) else { return nil }
        return owned(g_mime_content_type_get_mime_type(type))?.lowercased()
    }

    static func parameter(_ name: String, of object: UnsafeMutablePointer<GMimeObject>) -> String? {
        text(g_mime_object_get_content_type_parameter(object, name))
    }

    /// What a part holds, without its transfer encoding.
    static func content(_ object: UnsafeMutablePointer<GMimeObject>, atMost limit: Int) -> [UInt8] {
        guard let wrapper = wrapper(object), let stream = GMimeReference(g_mime_stream_mem_new()) else { return [] }
        g_mime_data_wrapper_write_to_stream(wrapper, stream.pointer)
        return stream.pointer.withMemoryRebound(to: GMimeStreamMem.self, capacity: 1) { memory in
            guard let array = g_mime_stream_mem_get_byte_array(memory), let data = array.pointee.data else { return [] }
            return Array(UnsafeBufferPointer(start: data, count: min(Int(array.pointee.len), limit)))
        }
    }

    /// How many bytes a part holds, without its transfer encoding.
    static func size(_ object: UnsafeMutablePointer<GMimeObject>) -> Int {
        guard let wrapper = wrapper(object), let stream = GMimeReference(g_mime_stream_null_new()) else { return 0 }
        return max(0, Int(g_mime_data_wrapper_write_to_stream(wrapper, stream.pointer)))
    }

    private static func wrapper(_ object: UnsafeMutablePointer<GMimeObject>) -> UnsafeMutablePointer<GMimeDataWrapper>? {
        guard isPart(object) else { return nil }
        return object.withMemoryRebound(to: GMimePart.self, capacity: 1) { g_mime_part_get_content($0) }
    }
}

extension UnsafeMutablePointer<GMimeObject> {
    fileprivate func isA(_ type: GType) -> Bool {
        withMemoryRebound(to: GTypeInstance.self, capacity: 1) { g_type_check_instance_is_a($0, type) != 0 }
    }
}
