"""`cspon operator`: the same as `cspon library operator`."""

from cspon.cli.library import kind_app

app = kind_app("operator")
