import Foundation

/// The gateway as it is deployed: nginx with the configuration that `Tools/penguin/gateway.py` makes, before one service of a test's.
public final class TestGateway: Sendable {
    /// Where it speaks TLS.
    public let port: Int
    /// Signed the gateway's own certificate, for localhost.
    public let authorityFile: String
    private let process: OwnedProcess

    /// `upstream` is the port of the service that every path leads to; `plainPort` where it is asked without TLS.
    public static func start(upstream: Int, plainPort: Int, trackingCertificates: String) async throws -> TestGateway {
        let folder = try OwnedProcess.makeDirectory("gateway", forUser: nil)
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let port = try freePort()
        let make = """
            import os, sys
            from pathlib import Path
            root, folder, port, upstream, plain, tracking = sys.argv[1:]
            sys.path.insert(0, root + "/Tools")
            from penguin import certificates, gateway
            from penguin.layout import SERVICES
            from penguin.routes import RouteTable
            folder = Path(folder)
            certificates.make(folder / "ca.pem", folder, {"gateway": ["localhost", "127.0.0.1"]})
            place = gateway.Place(
                listen=f"127.0.0.1:{port}", upstreams={service: f"127.0.0.1:{upstream}" for service in SERVICES},
                certificate=folder / "gateway.pem", key=folder / "gateway.key", run=folder, console=Path(root) / "Gateway" / "Console",
                names=("localhost", "127.0.0.1"), plain_listen=f"127.0.0.1:{plain}", https_port=int(port), tracking_certificates=Path(tracking),
                user="root" if os.getuid() == 0 else None)
            (folder / "nginx.conf").write_text(gateway.configuration(RouteTable.load(), place))
            """
        try OwnedProcess.run(
            ["/usr/bin/python3", "-B", "-c", make, root.path(), folder.path(), "\(port)", "\(upstream)", "\(plainPort)", trackingCertificates])
        let nginx = FileManager.default.isExecutableFile(atPath: "/usr/sbin/nginx") ? "/usr/sbin/nginx" : "nginx"
        let process = try OwnedProcess(
            [nginx, "-e", "stderr", "-p", folder.path(), "-c", folder.appending(path: "nginx.conf").path()], directory: folder, stopSignal: "TERM",
            log: "nginx.log")
        let gateway = TestGateway(port: port, authorityFile: folder.appending(path: "ca.pem").path(), process: process)
        for _ in 0..<400 {
            if (try? await gateway.get("/t/o/none", host: "localhost", trusting: gateway.authorityFile)) != nil { return gateway }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw OwnedProcess.Failure(description: "nginx did not start")
    }

    private init(port: Int, authorityFile: String, process: OwnedProcess) {
        self.port = port
        self.authorityFile = authorityFile
        self.process = process
    }

    /// What a client hears that asks for `host` by name and trusts one authority: the status and the certificate's serial number. Throws when
    /// there is no handshake.
    public func get(_ path: String, host: String, trusting authority: String) async throws -> (status: Int, serial: String) {
        let ask = """
            import http.client, socket, ssl, sys
            authority, port, host, path = sys.argv[1:]
            context = ssl.create_default_context(cafile=authority)
            connection = http.client.HTTPConnection(host)
            connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port)), timeout=10), server_hostname=host)
            serial = connection.sock.getpeercert()["serialNumber"]
            connection.request("GET", path)
            print(connection.getresponse().status, serial)
            """
        let command = ["/usr/bin/python3", "-c", ask, authority, "\(port)", host, path]
        // Not on the pool: the service that answers is in this process.
        let said = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try OwnedProcess.run(command) }) }
        }
        let words = said.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let status = Int(words[0]) else { throw OwnedProcess.Failure(description: said) }
        return (status, String(words[1]))
    }
}
