/// Something about a domain's records that its owner should know; the code stays the same for ever, clients switch on it.
struct DomainFinding: Codable, Sendable, Hashable {
    let code: Code
    let isError: Bool
    /// What is wrong, in a sentence.
    let detail: String
    /// What to do, in a sentence; what to publish stands in the record.
    let remedy: String

    init(_ code: Code, _ detail: String) {
        self.code = code
        isError = code.isError
        self.detail = String(detail.prefix(500))
        remedy = code.remedy
    }

    enum Code: String, Codable, Sendable, CaseIterable {
        case dnsTimeout = "dns_timeout"
        case dnsServerFailure = "dns_server_failure"
        case dnsMalformedAnswer = "dns_malformed_answer"
        case domainNotFound = "domain_not_found"
        case ownershipMissing = "ownership_missing"
        case ownershipWrongValue = "ownership_wrong_value"
        case domainClaimedElsewhere = "domain_claimed_elsewhere"

        case spfMissing = "spf_missing"
        case spfMalformedVersion = "spf_malformed_version"
        case spfMultipleRecords = "spf_multiple_records"
        case spfSyntax = "spf_syntax"
        case spfInvalidAddress = "spf_invalid_address"
        case spfSenderNotIncluded = "spf_sender_not_included"
        case spfAllowsNobody = "spf_allows_nobody"
        case spfAllowsEverybody = "spf_allows_everybody"
        case spfTooManyLookups = "spf_too_many_lookups"
        case spfTooManyVoidLookups = "spf_too_many_void_lookups"
        case spfIncludeWithoutRecord = "spf_include_without_record"
        case spfIncludeBroken = "spf_include_broken"
        case spfIncludeLoop = "spf_include_loop"
        case spfTooManyServers = "spf_too_many_servers"
        case spfCannotMerge = "spf_cannot_merge"
        case spfNeutralEnd = "spf_neutral_end"
        case spfNoEnd = "spf_no_end"
        case spfIgnoredTerms = "spf_ignored_terms"
        case spfPTRUsed = "spf_ptr_used"
        case spfTooLong = "spf_too_long"

        case dkimMissing = "dkim_missing"
        case dkimNoKey = "dkim_no_key"
        case dkimDoubledName = "dkim_doubled_name"
        case dkimMultipleRecords = "dkim_multiple_records"
        case dkimMalformed = "dkim_malformed"
        case dkimWrongVersion = "dkim_wrong_version"
        case dkimWrongKeyType = "dkim_wrong_key_type"
        case dkimRevoked = "dkim_revoked"
        case dkimKeyUnreadable = "dkim_key_unreadable"
        case dkimKeyTooShort = "dkim_key_too_short"
        case dkimKeyWeak = "dkim_key_weak"
        case dkimKeyDiffers = "dkim_key_differs"
        case dkimHashExcluded = "dkim_hash_excluded"
        case dkimServiceExcluded = "dkim_service_excluded"
        case dkimTesting = "dkim_testing"

        case dmarcMissing = "dmarc_missing"
        case dmarcDoubledName = "dmarc_doubled_name"
        case dmarcMultipleRecords = "dmarc_multiple_records"
        case dmarcMalformed = "dmarc_malformed"
        case dmarcWrongVersion = "dmarc_wrong_version"
        case dmarcPolicyMissing = "dmarc_policy_missing"
        case dmarcPolicyInvalid = "dmarc_policy_invalid"
        case dmarcPolicyNone = "dmarc_policy_none"
        case dmarcInherited = "dmarc_inherited"
        case dmarcRemovedTags = "dmarc_removed_tags"
        case dmarcReportAddressInvalid = "dmarc_report_address_invalid"
        case dmarcReportsNotAccepted = "dmarc_reports_not_accepted"
        case dmarcTesting = "dmarc_testing"
        case dmarcPublicSuffix = "dmarc_public_suffix"

        case mxMissing = "mx_missing"
        case mxNull = "mx_null"
        case mxTargetMissing = "mx_target_missing"
        case mxTargetIsAlias = "mx_target_is_alias"
        case mxTargetIsAddress = "mx_target_is_address"
        case mxTargetNotPublic = "mx_target_not_public"

        case trackingMissing = "tracking_missing"
        case trackingWrongTarget = "tracking_wrong_target"
        case trackingNotAlias = "tracking_not_alias"
    }
}
