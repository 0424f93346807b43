"""The clauses that the checks of the database name stand in the base, word for word."""

from datetime import date

import pytest

from agents.review.check import checks
from agents.review.checks.control_lines import LINES, _basis

ON = date(2026, 11, 1)


@pytest.mark.component
def test_clauses_are_in_the_base(laws):
    named = [b for c in checks().values() if c.group == "spatial" for b in c.basis]
    named += [clause for role in LINES for clause in _basis(role)]
    verified = [clause for clause in named if clause.verified]
    assert len(verified) >= 5
    for clause in verified:
        assert laws.cite(clause, ON).verification == "verified", clause
