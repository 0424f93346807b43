"""Evaluation tasks, scorers, and the benchmarks behind `cspon bench`."""
