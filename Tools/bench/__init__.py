"""The benchmarks of ./penguin bench: each module here has a `run(options)` that yields results, and a first line that says what it measures.

A result is {"name", "value", "unit", "beside", "ratio"}: `beside` is the figure of something well known, measured in the same run.
"""
