"""How things stand: engines and debts of the ledger as a scrape finds them, jobs as they were last counted."""

from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Gauge

from serving.budget.ledger import Ledger
from serving.relay.pool import Pool


class Gauges:
    """Figures that go up and down; nothing of them is counted while requests are served.

    Args:
        registry: Where they are told from.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.open = Gauge(
            "cspon_engine_open_requests", "Requests under way at a replica of an engine.",
            ["engine", "replica"], registry=registry,
        )  # fmt: skip
        self.resting = Gauge(
            "cspon_engine_resting", "1 while a replica that failed is left alone.",
            ["engine", "replica"], registry=registry,
        )  # fmt: skip
        self.owed = Gauge(
            "cspon_ledger_owed", "Ends of reservations that wait for the ledger's store.",
            registry=registry,
        )  # fmt: skip
        self.jobs = Gauge(
            "cspon_jobs", "Jobs that wait or run, of all gateways on this queue.", ["state"],
            registry=registry,
        )  # fmt: skip

    def look(self, pool: Pool, ledger: Ledger) -> None:
        """Ask the parts; at a scrape."""
        self.open.clear()
        self.resting.clear()
        for engine, replica, resting in pool.standings():
            labels = engine, urlsplit(replica.url).netloc.rpartition("@")[2]
            self.open.labels(*labels).set(replica.open)
            self.resting.labels(*labels).set(resting)
        self.owed.set(ledger.owed)
