import Foundation

/// Pebble, the test authority of ACME, private to this test process: it looks at hosts by a DNS server of the test's, on a port of its own.
public final class TestCertificateAuthority: Sendable {
    /// Address of the directory.
    public let directory: String
    /// Who signed the certificate of the directory's server.
    public let authorityFile: String
    /// Who signs what is issued.
    public let rootFile: String
    /// Where it asks hosts, in place of port 80.
    public let hostPort: Int
    private let process: OwnedProcess

    /// `dns`: host:port.
    public static func start(dns: String) async throws -> TestCertificateAuthority {
        let folder = try OwnedProcess.makeDirectory("pebble", forUser: nil)
        func file(_ name: String) -> String { folder.appending(path: name).path() }
        try OwnedProcess.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file("server.key"), "-out",
            file("server.pem"), "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        ])
        let (port, management, hostPort) = (try freePort(), try freePort(), try freePort())
        let settings: [String: Any] = [
            "pebble": [
                "listenAddress": "127.0.0.1:\(port)", "managementListenAddress": "127.0.0.1:\(management)", "certificate": file("server.pem"),
                "privateKey": file("server.key"), "httpPort": hostPort, "tlsPort": hostPort, "ocspResponderURL": "",
                "externalAccountBindingRequired": false,
            ] as [String: Any]
        ]
        try JSONSerialization.data(withJSONObject: settings).write(to: folder.appending(path: "pebble.json"))
        let process = try OwnedProcess(
            [
                "env", "PEBBLE_VA_NOSLEEP=1", "PEBBLE_VA_ALWAYS_VALID=0", "PEBBLE_AUTHZREUSE=0", "pebble", "-strict", "-config", file("pebble.json"),
                "-dnsserver", dns,
            ], directory: folder, stopSignal: "KILL", log: "pebble.log")
        let fetch = """
            import ssl, sys, time, urllib.request
            context = ssl.create_default_context(cafile=sys.argv[1])
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
            for _ in range(400):
                try:
                    open(sys.argv[3], "wb").write(opener.open(sys.argv[2], timeout=5).read())
                    sys.exit(0)
                except OSError as error:
                    last = error
                    time.sleep(0.05)
            sys.exit(str(last))
            """
        try OwnedProcess.run([
            "/usr/bin/python3", "-c", fetch, file("server.pem"), "https://localhost:\(management)/roots/0", file("root.pem"),
        ])
        return TestCertificateAuthority(
            directory: "https://localhost:\(port)/dir", authorityFile: file("server.pem"), rootFile: file("root.pem"), hostPort: hostPort,
            process: process)
    }

    private init(directory: String, authorityFile: String, rootFile: String, hostPort: Int, process: OwnedProcess) {
        self.directory = directory
        self.authorityFile = authorityFile
        self.rootFile = rootFile
        self.hostPort = hostPort
        self.process = process
    }
}
