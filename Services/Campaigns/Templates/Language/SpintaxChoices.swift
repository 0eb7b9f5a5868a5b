/// Which alternative of each choice a mail gets: drawn from its send key, so that the same mail always reads the same.
struct SpintaxChoices: Sendable {
    private let seed: UInt64

    init(key: String) {
        seed = Self.hash(key)
    }

    /// FNV-1a: the same everywhere and for ever, but no secret.
    static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }

    /// One of `count` alternatives, each as likely as the others. Those of the subject are drawn apart from those of the text, and those of
    /// text and HTML alike.
    func index(of ordinal: Int, in part: MailPart, among count: Int) -> Int {
        let place = UInt64(truncatingIfNeeded: ordinal) &+ (part == .subject ? 1 << 32 : 1)
        // SplitMix64 (Steele, Lea and Flood, 2014).
        var value = seed &+ place &* 0x9E37_79B9_7F4A_7C15
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        value ^= value >> 31
        return Int(value.multipliedFullWidth(by: UInt64(count)).high)
    }
}
