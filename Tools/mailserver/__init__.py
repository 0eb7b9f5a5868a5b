"""The development mail server: takes mail as a real one would, keeps it in a Maildir, and fails on request."""
