"""Plan texts with planted defects for measuring document review: self-written, labelled, seeded.

The package shares no pattern, table or parser with the review checks: it is the other author.
"""
