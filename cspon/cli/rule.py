"""`cspon rule`: the same as `cspon library rule`."""

from cspon.cli.library import kind_app

app = kind_app("rule")
