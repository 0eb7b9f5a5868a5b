"""The parts of ./penguin bench audit."""
