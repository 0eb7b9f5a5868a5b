"""The chaos harness behind ./penguin chaos: faults from a seed against the real stack, and a verdict on every mail."""
