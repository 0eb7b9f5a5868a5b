/// Public keys whose private halves nobody has.
enum TestKeys {
    static let rsa2048 =
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtgoUi0AeF1/vmaKlgg5UnL4oMSItX/V7RGzxtWaQSv4LCFx7fLAB6AChQpU4I6+gE7"
        + "bCyvod07ifFtLq5KlF2T9AVrhKO+Am3b7TgiDcGtoCHNYrD8WpKl3UA3F1PxTHgLWD9WBuvEw7EUSV2XmrFfrORQ+APPztJr72yB9Qu2VMDcQ4"
        + "cTpGEyS9cQkLANMcpef9ZS+5vTFRAuAilovKwfzX4iRizdMAGOYoqLLtSBNuUyyJtduI3WzVy8Xbx5oLVsFzE4rRsjN8y5H6WBr6Xf8apcSRzb"
        + "rEIffXobeTQ6jfRVLS+qVG9ZObnGemLXIOmKuscAvnvmTdgZrHFkl89QIDAQAB"
    static let otherRSA2048 =
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApdQr2fI92reNs50zmEZ9UnIGNpjfAja5ncmA1Lc/QmQbKm8EzyIWUSb8HlYzJJfpQu"
        + "FEikYPA7kdsxxd2grcvCBh9V+72qYOisIwdeG92SowNFAmS3kAqPrzFwMKYjqcU9PfrRCq1wzxiVEwxyGG6vW44wxOF9OdkwfobKHRdkoXjhyx"
        + "qOgMvMPnMrKlnn9cX++g80S+hVj8m5AT165FTWq0jd5I8ujniQLnKmf2KArjFi+HmFtiOsBBF29wzUbuBr3P5gdpQtRofC7+JQDWBbUQ6Dv7of"
        + "3AGpO8SlWUENg+Jhkd7vrNBo69PWDj1Gp6yIdmrtq+LasQ2mTPanQV8wIDAQAB"
    static let rsa1024 =
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDo+KNORriwCEpfquF4qhsoVSKvvh4jptQbs+m3Jgn4Wk4qFW+HrBw7EjvW/vTLAru6IkHxib"
        + "huD2hmEH92autCUkhzqtNlNkAlGV9s6bMRNEXvhB5mT/0/RT1i3CsmenboLhVBGzn+TvKtSehjSlLm7EuXYB7nKwQZM1Xdzm/1DQIDAQAB"
    static let rsa512 =
        "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKRrTaAxig085tW3eJi5Gxapwfi0asCNTMpzQu5Irw2YEpMd/hFJpXlT2iUIvJEgY7ryTE+9qWS12r"
        + "zQKIGNyRcCAwEAAQ=="
    static let ed25519 =
        "EUve6cCO7dawpw5yZFRmppcxjqvX3AbtzSjKomaIUcY="
    /// In the form of PKCS #1, as some generators write it.
    static let rsa1536PKCS1 =
        "MIHJAoHBALGJvjZkU6upDHNhza5USPpy7C+2ar5NTU4Yde5Uw6rTSoFsFtGyEz/7Su7fVqCgGCUL5duUNHjJRnKZsKJh66Ian8l2KNHpBiy1l1"
        + "4q+LfAdtLQB4HsLmlEazwUKLsCl5sXQRJ7NTtd0IIxx7crk938fNXdKdEyHB+T3jsts/8CCui1tDNHfEbM/WQBY9yb7Ww3waox/nFYQRt6zW/W"
        + "hTpOlgkfMyuoPyIRJyujOQp71Ubhom7HanlUiyXn7VvrGwIDAQAB"
}
