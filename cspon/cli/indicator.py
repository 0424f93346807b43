"""`cspon indicator`: the same as `cspon library indicator`."""

from cspon.cli.library import kind_app

app = kind_app("indicator")
