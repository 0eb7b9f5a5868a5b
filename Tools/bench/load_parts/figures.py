"""Figures as functions of what was measured."""

import math


def percentile(values, share):
    """The smallest value that so large a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def thirds(values):
    """The means of the first and of the last third: what is flat has the same."""
    length = len(values) // 3
    if length == 0:
        raise ValueError("three values at least are needed")
    return sum(values[:length]) / length, sum(values[-length:]) / length


def slope(values):
    """How many times as much the last third is as the first; 1 where both are nothing."""
    first, last = thirds(values)
    return last / first if first else math.inf if last else 1.0
