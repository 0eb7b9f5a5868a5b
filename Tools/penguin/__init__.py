"""What ./penguin does: the private stack under .local, the demo, the tests, the benchmarks."""
