"""`python -m cspon.cli`: the same as `cspon`."""

from cspon.cli.main import main

main()
