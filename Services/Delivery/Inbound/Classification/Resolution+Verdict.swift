extension Resolution {
    /// What a server's last refusal says of the recipient, by the rules that judge bounces; nil unless the mail was refused for good.
    ///
    /// Only ``InboundVerdict/Kind/hardBounce`` is a reason not to write to the address again: most refusals are about the sender or the content.
    var refusal: InboundVerdict? {
        guard state == "refused", let code else { return nil }
        let words = text ?? ""
        let enhanced = words.split(separator: " ").first.flatMap { StatusCode($0) }
        return InboundClassifier.classify(smtp: code, enhanced: enhanced?.class == code / 100 ? enhanced?.description : nil, text: words)
    }
}
