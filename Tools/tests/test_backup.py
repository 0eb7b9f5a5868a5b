"""The container of a backup, what a restore refuses, and which mails it holds."""

import io
import tarfile
import tempfile
import unittest
from datetime import datetime, timezone
from pathlib import Path

from penguin import backup, backup_file, restore, uncertain
from penguin.terminal import Failure

SECRET = "a passphrase for tests"


def written(files=(("keys/a", b"one"),), dump=b"x" * 100):
    """A backup without its encryption."""
    output = io.BytesIO()
    writer = backup_file.Writer(output)
    for name, content in files:
        writer.add_file(name, content, 0o600)
    writer.finish({"taken_at": "2026-01-01T00:00:00Z"}, writer.add_database(io.BytesIO(dump)))
    return output.getvalue()


def members(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]


def tarred(contents):
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w|") as tar:
        for name, content in contents:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return output.getvalue()


class ContainerTests(unittest.TestCase):
    def read(self, content):
        return backup_file.read(io.BytesIO(content))

    def test_gives_back_what_was_put_in(self):
        files, pieces = {}, []
        dump = b"0123456789" * (backup_file.PIECE // 5)
        content = written(dump=dump)
        manifest = backup_file.read(io.BytesIO(content), files.__setitem__, pieces.append)
        self.assertEqual(files, {"keys/a": b"one"})
        self.assertEqual(b"".join(pieces), dump)
        self.assertEqual((manifest["database"]["pieces"], manifest["database"]["bytes"]), (2, len(dump)))
        self.assertEqual(manifest["files"]["keys/a"]["mode"], "0600")

    def test_refuses_what_was_changed(self):
        good = members(written())
        for number, (name, content) in enumerate(good):
            changed = list(good)
            changed[number] = (name, content.replace(b"x", b"y") if name.startswith("database") else content.replace(b"one", b"two"))
            if changed != good:
                with self.subTest(name), self.assertRaises(Failure):
                    self.read(tarred(changed))

    def test_refuses_a_member_that_lacks_or_is_too_many(self):
        good = members(written())
        for number in range(len(good)):
            with self.subTest(good[number][0]), self.assertRaises(Failure):
                self.read(tarred(good[:number] + good[number + 1:]))
        for name in ("files/keys/more", "database/000007", "other"):
            with self.subTest(name), self.assertRaises(Failure):
                self.read(tarred([(name, b"more"), *good]))
        with self.assertRaises(Failure):
            self.read(tarred([*good, ("files/after", b"more")]))

    def test_refuses_paths_that_leave_the_folder(self):
        for name in ("files/../outside", "files//etc/passwd", "files/"):
            with self.subTest(name), self.assertRaises(Failure):
                self.read(tarred([(name, b"x"), *members(written())]))

    def test_refuses_every_length_but_the_whole(self):
        content = written()
        end = content.rindex(b"}") + 1
        for length in range(0, end, 512):
            with self.subTest(length), self.assertRaises(Failure):
                self.read(content[:length])

    def test_refuses_another_format(self):
        content = [(name, data.replace(b'"format": 1', b'"format": 2')) for name, data in members(written())]
        with self.assertRaisesRegex(Failure, "format"):
            self.read(tarred(content))


class EncryptionTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "a.backup"

    def make(self):
        with backup_file.encrypting(self.path, SECRET) as output:
            output.write(b"words in the clear" * 1_000)

    def test_only_the_passphrase_opens_it(self):
        self.make()
        self.assertNotIn(b"words in the clear", self.path.read_bytes())
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        with backup_file.decrypting(self.path, SECRET) as stream:
            self.assertEqual(stream.read(), b"words in the clear" * 1_000)
        with self.assertRaisesRegex(Failure, "passphrase is wrong"):
            with backup_file.decrypting(self.path, SECRET + "x") as stream:
                stream.read()

    def test_a_changed_byte_is_noticed(self):
        self.make()
        content = bytearray(self.path.read_bytes())
        content[len(content) // 2] ^= 1
        self.path.write_bytes(content)
        with self.assertRaises(Failure):
            with backup_file.decrypting(self.path, SECRET) as stream:
                stream.read()

    def test_a_failure_leaves_no_file(self):
        with self.assertRaisesRegex(Failure, "half-way"):
            with backup_file.encrypting(self.path, SECRET) as output:
                output.write(b"some")
                raise Failure("half-way")
        self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_never_replaces_a_backup(self):
        self.path.write_bytes(b"an earlier one")
        with self.assertRaises(FileExistsError):
            self.make()
        self.assertEqual([file.name for file in self.path.parent.iterdir()], ["a.backup"])
        self.assertEqual(self.path.read_bytes(), b"an earlier one")

    def test_passphrases_that_are_none(self):
        for words in ("", "short", "two\nlines of a passphrase"):
            self.path.write_text(words)
            with self.subTest(words), self.assertRaises(Failure):
                backup_file.passphrase(self.path)
        self.path.write_text(SECRET + "\r\n")
        self.assertEqual(backup_file.passphrase(self.path), SECRET)


class RestoreTests(unittest.TestCase):
    TAKEN = "2026-05-01T10:00:00.000000Z"
    NOW = datetime(2026, 5, 2, 10, tzinfo=timezone.utc)

    def test_until_when_mail_may_have_gone_out(self):
        self.assertEqual(restore.sent_until("now", self.TAKEN, self.NOW), "2026-05-02T10:00:00.000000Z")
        self.assertEqual(restore.sent_until("backup", self.TAKEN, self.NOW), self.TAKEN)
        self.assertEqual(restore.sent_until("2026-05-01T13:00:00+02:00", self.TAKEN, self.NOW), "2026-05-01T11:00:00.000000Z")
        for bad in ("yesterday", "2026-05-01T11:00:00", "2026-05-01T09:59:59Z"):
            with self.subTest(bad), self.assertRaises(Failure):
                restore.sent_until(bad, self.TAKEN, self.NOW)

    def test_a_backup_of_a_later_version_is_refused(self):
        known = {"auth": {"m0001_a": "sum"}}
        self.assertEqual(restore.unknown_migrations({"auth": {"m0000_house": "any", "m0015_repeated_headers": "any", "m0001_a": "sum"}}, known), [])
        self.assertEqual(restore.unknown_migrations({"auth": {"m0001_a": "other"}, "audit": {"m0001_b": "x"}}, known),
            ["auth m0001_a", "audit m0001_b"])

    def test_the_migrations_of_these_sources_are_found(self):
        self.assertTrue(all(restore.known_migrations().values()))

    def test_a_folder_without_keys_is_not_backed_up(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaises(Failure):
            backup.files(Path(folder))


class ReachTests(unittest.TestCase):
    def test_waits_add_up_and_the_shortest_way_counts(self):
        steps = [
            {"number": 1, "kind": "email"},
            {"number": 2, "kind": "wait", "seconds": 60},
            {"number": 3, "kind": "condition", "condition": {"kind": "replied"}, "then": 5, "otherwise": "next"},
            {"number": 4, "kind": "wait", "seconds": 3_600},
            {"number": 5, "kind": "email", "next": "exit"},
            {"number": 6, "kind": "email"},
        ]
        self.assertEqual(
            uncertain.reach(steps),
            [(1, 1, 0), (1, 5, 60), (2, 5, 60), (3, 5, 0), (4, 5, 3_600), (5, 5, 0), (6, 6, 0)])

    def test_ways_that_lead_nowhere(self):
        self.assertEqual(uncertain.reach([]), [])
        self.assertEqual(uncertain.reach([{"number": 1, "kind": "wait", "seconds": 60}]), [])
        # A target that is gone, or behind, is no way.
        self.assertEqual(
            uncertain.reach([{"number": 1, "kind": "email", "next": 9}, {"number": 2, "kind": "email", "next": 1}]), [(1, 1, 0), (2, 2, 0)])


if __name__ == "__main__":
    unittest.main()
