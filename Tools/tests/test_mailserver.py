"""The development mail server over real connections: what it takes, what it keeps, and the faults it makes on request."""

import json
import os
import smtplib
import socket
import ssl
import sys
import unittest

from penguin.layout import ROOT
from tests.support import Scratch, Server, eventually

MESSAGE = b"From: a@penguin.example\r\nTo: b@example.com\r\nMessage-ID: <1@x>\r\n\r\n..leading dot\r\n\xc3\xa9\r\n"


class MailServerTests(unittest.TestCase):
    def setUp(self):
        self.scratch = Scratch()
        self.users = self.scratch.path / "users.json"
        self.users.write_text(json.dumps({"demo": "first"}))
        self.maildir = self.scratch.path / "maildir"
        port_file = self.scratch.path / "port"
        self.server = Server(
            [
                sys.executable, str(ROOT / "Tools" / "mailserver"), "--maildir", str(self.maildir), "--users", str(self.users), "--print-port-file",
                str(port_file), "--certificate", str(self.scratch.path / "server.pem"), "--key", str(self.scratch.path / "server.key"),
            ], self.scratch.path / "log")
        eventually(port_file.exists)
        self.port = int(port_file.read_text())
        self.context = ssl.create_default_context(cafile=str(self.scratch.authority))

    def tearDown(self):
        self.server.stop()
        self.scratch.remove()

    def connect(self, password="first"):
        client = smtplib.SMTP("localhost", self.port, timeout=10)
        self.addCleanup(client.close)
        client.starttls(context=self.context)
        client.login("demo", password)
        return client

    def kept(self):
        return sorted(path.read_bytes() for path in (self.maildir / "new").iterdir())

    def test_a_message_is_kept_byte_for_byte_under_its_envelope(self):
        with self.connect() as client:
            client.sendmail("a@penguin.example", ["b@example.com", "c@example.com"], MESSAGE, ["BODY=8BITMIME"])
            client.sendmail("a@penguin.example", ["ü@example.com"], MESSAGE, ["SMTPUTF8", "BODY=8BITMIME"])
        self.assertEqual(
            self.kept(),
            sorted([
                b"Return-Path: <a@penguin.example>\r\nDelivered-To: b@example.com\r\nDelivered-To: c@example.com\r\n" + MESSAGE,
                "Return-Path: <a@penguin.example>\r\nDelivered-To: ü@example.com\r\n".encode() + MESSAGE,
            ]))
        self.assertEqual(list((self.maildir / "tmp").iterdir()), [])

    def test_nothing_without_encryption_and_password(self):
        with smtplib.SMTP("localhost", self.port, timeout=10) as client:
            client.ehlo()
            self.assertFalse(client.has_extn("auth"))
            self.assertEqual(client.mail("a@penguin.example")[0], 530)
            client.starttls(context=self.context)
            client.ehlo()
            self.assertEqual(client.mail("a@penguin.example")[0], 530)
            with self.assertRaises(smtplib.SMTPAuthenticationError) as refused:
                client.login("demo", "wrong")
            self.assertEqual(refused.exception.smtp_code, 535)

    def test_plain_and_login_and_the_extensions(self):
        for mechanism in ("plain", "login"):
            with smtplib.SMTP("localhost", self.port, timeout=10) as client:
                client.starttls(context=self.context)
                client.ehlo()
                for extension in ("pipelining", "8bitmime", "smtputf8", "size"):
                    self.assertTrue(client.has_extn(extension), extension)
                client.user, client.password = "demo", "first"
                self.assertEqual(client.auth(mechanism, getattr(client, f"auth_{mechanism}"))[0], 235)

    def test_a_changed_password_holds_at_once(self):
        with self.connect():
            pass
        partial = self.users.with_suffix(".partial")
        partial.write_text(json.dumps({"demo": "second"}))
        os.replace(partial, self.users)
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            self.connect("first")
        with self.connect("second"):
            pass

    def test_commands_sent_without_waiting_are_answered_in_order(self):
        with self.connect() as client:
            line = client.sock
            envelope = b"RSET\r\nMAIL FROM:<a@penguin.example> BODY=8BITMIME\r\nRCPT TO:<%s@example.com>\r\nDATA\r\n"
            line.sendall(envelope % b"one")
            self.assertEqual(self.replies(line, 4), ["250", "250", "250", "354"])
            # The end of one message, the whole next envelope, a refused one, and a good one, all at once.
            line.sendall(MESSAGE + b".\r\n" + envelope % b"refuse-550.x")
            self.assertEqual(self.replies(line, 5), ["250", "250", "250", "550", "503"])
            line.sendall(envelope % b"two")
            self.assertEqual(self.replies(line, 4), ["250", "250", "250", "354"])
            line.sendall(MESSAGE + b".\r\n")
            self.assertEqual(self.replies(line, 1), ["250"])
        self.assertEqual(len(self.kept()), 2)

    def replies(self, line, count):
        text = b""
        while text.count(b"\r\n") < count:
            text += line.recv(4096)
        return [reply[:3].decode() for reply in text.splitlines()]

    def test_faults_on_request(self):
        with self.connect() as client:
            for recipient, code, words in [
                ("refuse-550.anna@example.com", 550, b"5.1.1"), ("REFUSE-550@example.com", 550, b"5.1.1"), ("defer-450.x@example.com", 450, b"4.2.0"),
            ]:
                client.mail("a@penguin.example")
                reply = client.rcpt(recipient)
                self.assertEqual(reply[0], code)
                self.assertTrue(reply[1].startswith(words))
                client.rset()
            client.sendmail("a@penguin.example", ["refuse-550@example.com", "b@example.com"], MESSAGE)
        self.assertEqual(len(self.kept()), 1)

    def test_drop_breaks_the_line_after_keeping_the_mail(self):
        client = self.connect()
        with self.assertRaises(smtplib.SMTPServerDisconnected):
            client.sendmail("a@penguin.example", ["drop-1@example.com"], MESSAGE)
        client.close()
        self.assertEqual(len(self.kept()), 1)
        with self.connect() as again:
            again.sendmail("a@penguin.example", ["b@example.com"], MESSAGE)
        self.assertEqual(len(self.kept()), 2)

    def test_a_client_that_leaves_in_the_middle_leaves_nothing(self):
        with self.connect() as client:
            client.mail("a@penguin.example")
            client.rcpt("b@example.com")
            client.putcmd("data")
            client.getreply()
            client.sock.sendall(b"half a mess")
            client.sock.shutdown(socket.SHUT_RDWR)
            client.close()
        with self.connect():
            self.assertEqual(self.kept(), [])
