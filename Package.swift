// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "penguinmails",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-asn1", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["CommandLineArguments"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.0"),
    ]
)

// MARK: - C libraries

package.targets += [
    .systemLibrary(name: "CPostgres", path: "Shared/CPostgres", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CCrypt", path: "Shared/CCrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CHiredis", path: "Shared/CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "CCurl", path: "Shared/CCurl", providers: [.apt(["libcurl4-gnutls-dev"])]),
    .systemLibrary(name: "CEtpan", path: "Shared/CEtpan", providers: [.apt(["libetpan-dev"])]),
    .systemLibrary(name: "CGMime", path: "Shared/CGMime", pkgConfig: "gmime-3.0", providers: [.apt(["libgmime-3.0-dev"])]),
    .systemLibrary(name: "CResolv", path: "Shared/CResolv"),
]

// MARK: - Shared

/// What two services know of each other; a leaf, so that editing a service never rebuilds another.
package.shared("Contracts")
/// Thread executor, clock, identifiers, sealed secrets: the ground everything else stands on.
package.shared("Primitives", [.product(name: "Crypto", package: "swift-crypto")])
package.shared("Postgres", ["CPostgres", "Contracts", "Primitives", .crypto, .logging, .metrics])
package.shared("Streams", ["CHiredis", "Contracts", "Postgres", "Primitives", .lifecycle, .logging, .metrics])
package.shared(
    "RPC",
    ["Contracts", "Primitives", .hummingbird, .httpClient, .jwt, .logging, .metrics, .nioCore, .nioHTTP1, .nioFoundationCompat, .httpTypes])
package.shared(
    "HTTP",
    ["Contracts", "Postgres", "Primitives", .hummingbird, .jwt, .logging, .nioCore, .nioFoundationCompat, .httpTypes, .crypto])
package.shared(
    "ServiceRuntime",
    [
        "Primitives", "Postgres", "Streams", "RPC", "HTTP", .hummingbird, .configuration, .system, .crypto, .cryptoExtras, .httpClient, .lifecycle,
        .logging, .metrics, .nioCore, .nioHTTP1, .nioFoundationCompat, .httpTypes, .signals,
    ])
package.shared("Mail", ["Primitives", .crypto, .cryptoExtras, .nioCore, .nioPosix, .nioSSL, .asn1, .x509, .logging])
/// Questions to DNS through the system's resolver or a configured server.
package.shared("DNS", ["CResolv", "Primitives", .logging])
/// Reads people's mailboxes without changing them.
package.shared("IMAP", ["CEtpan", "Primitives", .logging])
/// Takes a mail apart: headers, parts, reports.
package.shared("MIME", ["CGMime", "Primitives"])
/// Requests to addresses that tenants name: only to the public Internet, and never further than told.
package.shared("OutgoingHTTP", ["CCurl", "Primitives", .logging])

// MARK: - Services

package.service("Auth", ["CCrypt", .crypto, .cryptoExtras, .httpClient, .jwt, .nioHTTP1, .nioPosix])
package.service("Billing", [.crypto, .httpClient, .nioHTTP1])
package.service("Campaigns")
package.service(
    "Delivery",
    [
        "DNS", "IMAP", "MIME", "OutgoingHTTP", .crypto, .cryptoExtras, .httpClient, .jwt, .nioFoundationCompat, .nioHTTP1, .nioPosix, .nioSSL,
    ])
package.service("Audit", [.crypto, .httpClient, .nioHTTP1, .nioPosix, .nioSSL])

// MARK: - Tests

package.targets += [
    .target(
        name: "TestSupport",
        dependencies: [
            "Contracts", "Primitives", "Postgres", "Streams", "RPC", "HTTP", "ServiceRuntime", .configuration, .crypto, .cryptoExtras, .hummingbird,
            .hummingbirdTesting, .httpTypes, .jwt, .lifecycle, .logging, .nioCore, .nioPosix,
        ],
        path: "Tests/Support", swiftSettings: .house)
]
for name in ["Contracts", "Primitives", "Postgres", "Streams", "RPC", "HTTP", "ServiceRuntime", "Mail"] {
    package.tests(name, ["Mail", "RPC"].contains(name) ? [.crypto, .cryptoExtras] : [])
}
for name in ["DNS", "IMAP", "MIME", "OutgoingHTTP"] {
    package.tests(name, [.byName(name: name)])
}
/// The whole stack as a person starts it; the services are started as processes, so nothing of them is imported.
package.targets.append(
    .testTarget(
        name: "SystemTests",
        dependencies: [
            "TestSupport", "Contracts", "Postgres", "Primitives", "RPC", "Streams", .crypto, .cryptoExtras, .httpClient, .hummingbird, .logging,
            .nioCore, .nioFoundationCompat, .nioHTTP1, .nioPosix,
        ],
        path: "Tests/SystemTests",
        swiftSettings: .houseTests))

// MARK: - Helpers

extension Package {
    /// A library under `Shared/`.
    func shared(_ name: String, _ dependencies: [Target.Dependency] = []) {
        // "Runtime" is a module of the toolchain; the folder keeps the short name, the module says the whole.
        let folder = name == "ServiceRuntime" ? "Runtime" : name
        targets.append(.target(name: name, dependencies: dependencies, path: "Shared/\(folder)", swiftSettings: .house))
        products.append(.library(name: name, targets: [name]))
    }

    /// One deployable under `Services/`, with its test target: every service stands on the same floor, none on another service.
    func service(_ name: String, _ extra: [Target.Dependency] = []) {
        let floor: [Target.Dependency] = [
            "Contracts", "Primitives", "Postgres", "Streams", "RPC", "HTTP", "ServiceRuntime", "Mail",
            .hummingbird, .configuration, .lifecycle, .logging, .metrics, .nioCore, .httpTypes,
        ]
        targets.append(
            .executableTarget(
                name: name, dependencies: floor + extra, path: "Services/\(name)",
                resources: [.embedInCode("Migrations")], swiftSettings: .house))
        products.append(.executable(name: name, targets: [name]))
        targets.append(
            .testTarget(
                name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + floor + [.hummingbirdTesting] + extra,
                path: "Tests/\(name)Tests", exclude: ["Audit": ["golden"], "Delivery": ["corpus"]][name] ?? [], swiftSettings: .houseTests))
    }

    /// The test target of a shared library.
    func tests(_ name: String, _ extra: [Target.Dependency] = []) {
        targets.append(
            .testTarget(
                name: "\(name)Tests",
                dependencies: [
                    "TestSupport", "Contracts", "Primitives", "Postgres", "Streams", "RPC", "HTTP", "ServiceRuntime", "Mail",
                    .hummingbird, .hummingbirdTesting, .configuration, .lifecycle, .logging, .metrics, .nioCore, .nioPosix, .nioSSL, .httpTypes, .jwt,
                ] + extra,
                path: "Tests/\(name)Tests", swiftSettings: .houseTests))
    }
}

extension Target.Dependency {
    static let asn1 = Self.product(name: "SwiftASN1", package: "swift-asn1")
    static let system = Self.product(name: "SystemPackage", package: "swift-system")
    static let configuration = Self.product(name: "Configuration", package: "swift-configuration")
    static let crypto = Self.product(name: "Crypto", package: "swift-crypto")
    static let cryptoExtras = Self.product(name: "CryptoExtras", package: "swift-crypto")
    static let httpClient = Self.product(name: "AsyncHTTPClient", package: "async-http-client")
    static let httpTypes = Self.product(name: "HTTPTypes", package: "swift-http-types")
    static let hummingbird = Self.product(name: "Hummingbird", package: "hummingbird")
    static let hummingbirdTesting = Self.product(name: "HummingbirdTesting", package: "hummingbird")
    static let jwt = Self.product(name: "JWTKit", package: "jwt-kit")
    static let lifecycle = Self.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let logging = Self.product(name: "Logging", package: "swift-log")
    static let signals = Self.product(name: "UnixSignals", package: "swift-service-lifecycle")
    static let metrics = Self.product(name: "Metrics", package: "swift-metrics")
    static let nioCore = Self.product(name: "NIOCore", package: "swift-nio")
    static let nioFoundationCompat = Self.product(name: "NIOFoundationCompat", package: "swift-nio")
    static let nioHTTP1 = Self.product(name: "NIOHTTP1", package: "swift-nio")
    static let nioPosix = Self.product(name: "NIOPosix", package: "swift-nio")
    static let nioSSL = Self.product(name: "NIOSSL", package: "swift-nio-ssl")
    static let x509 = Self.product(name: "X509", package: "swift-certificates")
}

extension [SwiftSetting] {
    /// Tests reach into many modules; they need not name each one twice.
    static let houseTests: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]

    /// The flags of the house; strict concurrency comes with the language mode.
    static let house: [SwiftSetting] = [
        .enableUpcomingFeature("ExistentialAny"),  // SE-0335
        .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
        .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    ]
}
