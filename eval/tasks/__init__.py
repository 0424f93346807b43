"""Evaluation tasks: one YAML and one module of the same name each; see `eval.task`."""
