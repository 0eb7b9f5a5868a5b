"""The parts of ./penguin bench campaigns."""
