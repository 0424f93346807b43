"""The audit: one line for each decision, chained so that no line can be changed or taken away unseen."""

from serving.audit.records import Audit, digest

__all__ = ["Audit", "digest"]
