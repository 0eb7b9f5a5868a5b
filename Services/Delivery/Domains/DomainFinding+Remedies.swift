extension DomainFinding.Code {
    /// Whether the record does not do its work because of it; the others are advice.
    var isError: Bool {
        switch self {
        case .spfNeutralEnd, .spfNoEnd, .spfIgnoredTerms, .spfPTRUsed, .spfTooLong, .dkimKeyWeak, .dkimTesting, .dmarcPolicyNone, .dmarcInherited,
            .dmarcRemovedTags, .dmarcReportAddressInvalid, .dmarcReportsNotAccepted, .dmarcTesting, .dmarcPublicSuffix, .mxMissing,
            .mxTargetIsAlias, .trackingMissing, .dkimNoKey:
            false
        default: true
        }
    }

    /// Nobody knows what is published; the last known state holds.
    var isUndecided: Bool {
        switch self {
        case .dnsTimeout, .dnsServerFailure, .dnsMalformedAnswer: true
        default: false
        }
    }

    var remedy: String {
        switch self {
        case .dnsTimeout, .dnsServerFailure, .dnsMalformedAnswer:
            "See that the domain's name servers answer; it is checked again by itself."
        case .domainNotFound: "Register the domain, or correct its name; a new domain needs up to a day."
        case .ownershipMissing: "Publish the TXT record, so that nobody else can claim the domain."
        case .ownershipWrongValue: "Replace the TXT record's value with the one given here."
        case .domainClaimedElsewhere: "Have the other account remove the domain, or remove its records from your DNS."
        case .spfMissing: "Publish the TXT record."
        case .spfMalformedVersion: "Begin the record with v=spf1 and a space, without quotation marks."
        case .spfMultipleRecords: "Leave exactly one SPF record: replace all of them with the one line given here."
        case .spfSyntax, .spfInvalidAddress: "Correct the part, or publish the line given here."
        case .spfSenderNotIncluded: "Publish the line given here: it keeps your other senders and adds this one."
        case .spfAllowsNobody: "Publish the line given here: yours forbids everybody to send."
        case .spfAllowsEverybody: "End the record with ~all: as it is, anybody may send in your name."
        case .spfTooManyLookups, .spfCannotMerge: "Remove senders that you no longer use, until at most 10 look-ups are left."
        case .spfTooManyVoidLookups: "Remove the names that no longer exist."
        case .spfIncludeWithoutRecord, .spfIncludeBroken: "Remove the include, or ask its owner to repair the record."
        case .spfIncludeLoop: "Remove the include that leads back."
        case .spfTooManyServers: "Replace mx with the include of your mail provider, or with addresses."
        case .spfNeutralEnd, .spfNoEnd: "End the record with ~all."
        case .spfIgnoredTerms: "Put what stands behind all before it, or remove it."
        case .spfPTRUsed: "Replace ptr with addresses or an include; many receivers do not look at it."
        case .spfTooLong: "Remove senders that you no longer use."
        case .dkimMissing: "Publish the record under exactly this name."
        case .dkimNoKey: "Turn DKIM on at your mail provider and tell us its selector."
        case .dkimDoubledName, .dmarcDoubledName: "Enter the name without the domain: your DNS provider appends it."
        case .dkimMultipleRecords: "Leave one record at this name."
        case .dkimMalformed: "Replace the value; copy it whole, without quotation marks or line breaks."
        case .dkimWrongVersion: "Begin the record with v=DKIM1."
        case .dkimWrongKeyType, .dkimKeyDiffers, .dkimRevoked, .dkimKeyUnreadable: "Replace the record's value with the right one."
        case .dkimKeyTooShort, .dkimKeyWeak: "Have your mail provider make a key of 2048 bits."
        case .dkimHashExcluded: "Remove h= from the record, or add sha256 to it."
        case .dkimServiceExcluded: "Remove s= from the record, or set it to email."
        case .dkimTesting: "Remove t=y when you are done testing."
        case .dmarcMissing: "Publish the TXT record."
        case .dmarcMultipleRecords: "Leave one DMARC record: with two, receivers ignore both."
        case .dmarcMalformed, .dmarcPolicyMissing, .dmarcPolicyInvalid: "Publish the line given here."
        case .dmarcWrongVersion: "Begin the record with v=DMARC1; exactly so."
        case .dmarcPolicyNone: "When the reports show only your own mail, change p=none to p=quarantine."
        case .dmarcInherited: "It counts; publish one of your own if this domain should have another policy."
        case .dmarcRemovedTags: "Remove pct, rf and ri: the standard no longer has them."
        case .dmarcReportAddressInvalid: "Write report addresses as mailto:name@example.com, separated by commas."
        case .dmarcReportsNotAccepted: "Have the receiver of the reports publish that it takes them, or choose an address in your own domain."
        case .dmarcTesting: "Remove t=y when receivers shall act on the policy."
        case .dmarcPublicSuffix: "Remove psd=y: it is for registries."
        case .mxMissing: "Publish your mail provider's MX record, so that answers and bounces reach you."
        case .mxNull: "Replace the MX record: as it is, it says that the domain takes no mail, and mail from it is refused."
        case .mxTargetMissing, .mxTargetIsAddress, .mxTargetIsAlias, .mxTargetNotPublic:
            "Point the MX record to the name that your mail provider gave you."
        case .trackingMissing: "Publish the CNAME record, and links in your mail carry your own name."
        case .trackingWrongTarget: "Point the CNAME record to the target given here."
        case .trackingNotAlias: "Replace the address records at this name with the CNAME record."
        }
    }
}
