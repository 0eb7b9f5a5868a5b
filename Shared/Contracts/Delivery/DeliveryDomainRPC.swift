/// What others may ask Delivery about the domains that mail comes from.
extension DeliveryRPC {
    /// Whether mail from these mailboxes, at most 200, is authenticated as large receivers ask for: SPF, DKIM and DMARC. Answers from the last check
    /// of each domain; mailboxes that the tenant has not are left out. Error kind `invalid_batch`.
    public struct CheckSendingDomains: RPCMethod {
        public static let name = "delivery.checkSendingDomains"
        public static let isIdempotent = true
        public typealias Result = SendingDomains
        public var tenant: TenantID
        public var mailboxes: [MailboxID]

        public init(tenant: TenantID, mailboxes: [MailboxID]) {
            self.tenant = tenant
            self.mailboxes = mailboxes
        }
    }

    public struct SendingDomains: Codable, Sendable, Equatable {
        public struct Reason: Codable, Sendable, Equatable {
            /// Such as `spf_missing`; `domain_not_added` when the tenant has no such domain.
            public var code: String
            public var detail: String

            public init(code: String, detail: String) {
                self.code = code
                self.detail = detail
            }
        }

        public struct Sender: Codable, Sendable, Equatable {
            public var mailbox: MailboxID
            public var domain: String
            public var isAuthenticated: Bool
            /// Empty when it is.
            public var reasons: [Reason]

            public init(mailbox: MailboxID, domain: String, isAuthenticated: Bool, reasons: [Reason]) {
                self.mailbox = mailbox
                self.domain = domain
                self.isAuthenticated = isAuthenticated
                self.reasons = reasons
            }
        }

        /// Campaigns must not start from a domain that is not authenticated; false in development only.
        public var isRequired: Bool
        public var senders: [Sender]

        public init(isRequired: Bool, senders: [Sender]) {
            self.isRequired = isRequired
            self.senders = senders
        }
    }
}

extension DeliveryEvents {
    /// A domain was added or removed, or mail from it is authenticated from now on, or no longer.
    public struct DomainChanged: Event {
        public static let name = "delivery.domain.changed"
        public var domain: DomainID
        public var name: String
        /// `pending`, `verified`, `failing` (checked again soon, counts meanwhile), `broken` or `removed`.
        public var state: String
        public var isAuthenticated: Bool
        /// Codes of what is wrong.
        public var reasons: [String]

        public init(domain: DomainID, name: String, state: String, isAuthenticated: Bool, reasons: [String]) {
            self.domain = domain
            self.name = name
            self.state = state
            self.isAuthenticated = isAuthenticated
            self.reasons = reasons
        }
    }
}
