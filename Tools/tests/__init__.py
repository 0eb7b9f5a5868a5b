"""Tests of the tools; ./penguin test runs them, as does: cd Tools && /usr/bin/python3 -m unittest discover -s tests -t ."""
