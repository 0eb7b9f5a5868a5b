"""The figures of the benchmarks of fairness and endurance."""

import math
import unittest

from bench.load_parts.figures import percentile, slope, thirds


class FigureTests(unittest.TestCase):
    def test_a_percentile_is_a_value_that_so_many_do_not_exceed(self):
        self.assertEqual(percentile(range(1, 101), 0.99), 99)
        self.assertEqual(percentile([3, 1, 2], 0.5), 2)
        self.assertEqual(percentile([7], 0.99), 7)
        self.assertEqual(percentile([5, 1], 1), 5)

    def test_thirds_leave_out_the_middle(self):
        self.assertEqual(thirds([1, 1, 100, 100, 3, 5]), (1, 4))
        self.assertEqual(thirds([2, 9, 9, 4, 9][:3]), (2, 9))
        with self.assertRaises(ValueError):
            thirds([1, 2])

    def test_what_is_flat_has_the_slope_one_and_what_grows_more(self):
        self.assertEqual(slope([5] * 9), 1)
        self.assertEqual(slope([0] * 9), 1)
        self.assertEqual(slope([1, 2, 3]), 3)
        self.assertEqual(slope([0, 0, 1]), math.inf)


if __name__ == "__main__":
    unittest.main()
