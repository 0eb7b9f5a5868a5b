import CGMime
import Foundation

/// Reads a message's header out of GMime.
enum MailHeader {
    private static let addressesOfField = 500

    /// All fields in the order in which they stand, those of the content too, which GMime keeps with the content.
    static func fields(of message: UnsafeMutablePointer<GMimeMessage>, limits: MIMELimits) -> [ParsedMail.Field] {
        var found: [(offset: Int64, field: ParsedMail.Field)] = []
        collect(message, into: &found, limits: limits)
        if let part = g_mime_message_get_mime_part(message) {
            collect(part, into: &found, limits: limits)
        }
        // The sort keeps the order of those that GMime gives no place.
        return found.enumerated().sorted { ($0.element.offset, $0.offset) < ($1.element.offset, $1.offset) }.map(\.element.field)
    }

    private static func collect<Object>(
        _ object: UnsafeMutablePointer<Object>, into found: inout [(offset: Int64, field: ParsedMail.Field)], limits: MIMELimits
    ) {
        object.withMemoryRebound(to: GMimeObject.self, capacity: 1) { object in
            guard let list = g_mime_object_get_header_list(object) else { return }
            for index in 0..<max(0, g_mime_header_list_get_count(list)) {
                guard found.count < limits.fields, let header = g_mime_header_list_get_header_at(list, index),
                    let name = GMimeLibrary.text(g_mime_header_get_name(header)), let value = GMimeLibrary.text(g_mime_header_get_value(header))
                else { continue }
                // GMime adds a Content-Type to what has none.
                let offset = g_mime_header_get_offset(header)
                guard offset >= 0 else { continue }
                let field = ParsedMail.Field(
                    name: name.lowercased(), value: MailText.tidy(value, limit: limits.fieldBytes).trimmingCharacters(in: .whitespacesAndNewlines))
                found.append((Int64(offset), field))
            }
        }
    }

    static func addresses(_ list: UnsafeMutablePointer<InternetAddressList>?, depth: Int = 0) -> [ParsedMail.Address] {
        guard let list, depth < 4 else { return [] }
        var found: [ParsedMail.Address] = []
        for index in 0..<max(0, internet_address_list_length(list)) {
            guard found.count < addressesOfField, let address = internet_address_list_get_address(list, index) else { continue }
            let isMailbox = address.withMemoryRebound(to: GTypeInstance.self, capacity: 1) {
                g_type_check_instance_is_a($0, internet_address_mailbox_get_type()) != 0
            }
            if isMailbox {
                let written = address.withMemoryRebound(to: InternetAddressMailbox.self, capacity: 1) {
                    GMimeLibrary.text(internet_address_mailbox_get_addr($0))
                }
                guard let written, !written.isEmpty else { continue }
                let name = GMimeLibrary.text(internet_address_get_name(address)).map { MailText.tidy($0, limit: 512) }
                found.append(.init(name: name.flatMap { $0.isEmpty ? nil : $0 }, address: MailText.tidy(written, limit: 512)))
            } else {
                found += address.withMemoryRebound(to: InternetAddressGroup.self, capacity: 1) {
                    addresses(internet_address_group_get_members($0), depth: depth + 1)
                }
            }
        }
        return found
    }

    static func date(of message: UnsafeMutablePointer<GMimeMessage>) -> Date? {
        g_mime_message_get_date(message).map { Date(timeIntervalSince1970: TimeInterval(g_date_time_to_unix($0))) }
    }
}
