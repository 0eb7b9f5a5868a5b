"""The development DNS server: answers from a file, over UDP and TCP, and fails on request."""
