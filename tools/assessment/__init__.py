"""The yearly check-up (体检评估): series against targets, trend, graded warning, report."""
