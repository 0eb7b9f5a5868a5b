"""What several tests need: free ports, servers that end with the test, conditions to wait for."""

import socket
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from penguin import certificates


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition, seconds=20):
    """Polls until the condition gives something true and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.02)


class Scratch:
    """A folder with a certificate authority and one certificate for localhost; removed at the end."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="penguin-tools-")
        self.path = Path(self._folder.name)
        self.authority = self.path / "ca.pem"
        certificates.make(self.authority, self.path, {"server": ["localhost", "127.0.0.1"]})

    def remove(self):
        self._folder.cleanup()


class Server:
    """A process that is ended when the test is; what it says goes to `log`."""

    def __init__(self, command, log):
        with open(log, "ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


class Stub:
    """An upstream that writes down what it is asked and answers as told."""

    def __init__(self, answer):
        self.requests = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self):
                body = self._body()
                seen = {"method": self.command, "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "length": len(body)}
                stub.requests.append(seen)
                status, headers, content = answer(seen)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _body(self):
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                whole = b""
                while True:
                    size = int(self.rfile.readline(), 16)
                    whole += self.rfile.read(size)
                    self.rfile.readline()
                    if size == 0:
                        return whole

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = respond

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
