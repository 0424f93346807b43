"""How things stand at a scrape, and the dashboard and alerts that are made of it."""

import json
import re
import time
from pathlib import Path

import httpx
import yaml
from prometheus_client import CollectorRegistry

from serving.gauges import Gauges
from serving.metrics import Metrics
from serving.relay.engines import Engine
from serving.relay.pool import BREAK_AFTER, Pool

DOCS = Path(__file__).resolve().parents[2] / "docs"
NAME = re.compile(r"\bcspon_[a-z_]+")


def known():
    """Every name that a scrape can have."""
    names = set()
    for family in Metrics().registry.collect():
        if family.type == "counter":
            names.add(f"{family.name}_total")
        elif family.type == "histogram":
            names |= {family.name, f"{family.name}_bucket", f"{family.name}_count"}
        else:
            names.add(family.name)
    return names


def test_dashboard_and_alerts_name_metrics_that_there_are():
    board = json.loads((DOCS / "grafana/cspon.json").read_text(encoding="utf-8"))
    rules = yaml.safe_load((DOCS / "grafana/alerts.yaml").read_text(encoding="utf-8"))
    shown = [t["expr"] for panel in board["panels"] for t in panel.get("targets", ())]
    told = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    assert len(shown) > 25
    assert len(told) >= 6
    for expression in shown + told:
        named = set(NAME.findall(expression))
        assert named, expression
        assert named <= known(), expression
        assert expression.count("(") == expression.count(")"), expression
        assert expression.count("{") == expression.count("}"), expression


def test_every_metric_is_explained_and_shown():
    explained = set(NAME.findall((DOCS / "observability.md").read_text(encoding="utf-8")))
    board = (DOCS / "grafana/cspon.json").read_text(encoding="utf-8")
    bare = {re.sub(r"_(bucket|count)$", "", name) for name in known()}
    assert bare <= explained
    assert {name for name in bare if name not in board} == set()


class Ledger:
    owed = 3


def test_replicas_and_debts_are_asked_for_at_a_scrape():
    registry = CollectorRegistry()
    gauges, pool = Gauges(registry), Pool()
    engine = Engine(
        name="vllm", urls=("http://u:p@one:81/v1", "http://two:82/v1"), models=({"name": "m"},)
    )
    one, two = pool.replicas(engine)
    one.open = 5
    for _ in range(BREAK_AFTER):
        two.failed(time.monotonic())
    gauges.look(pool, Ledger())

    def value(name, **labels):
        return registry.get_sample_value(name, labels)

    def at(name, replica):
        return value(name, engine="vllm", replica=replica)

    assert at("cspon_engine_open_requests", "one:81") == 5
    assert at("cspon_engine_resting", "one:81") == 0
    assert at("cspon_engine_resting", "two:82") == 1
    assert value("cspon_ledger_owed") == 3
    gauges.look(Pool(), Ledger())
    assert at("cspon_engine_resting", "two:82") is None


def test_a_scrape_has_them(plain):
    text = httpx.get(f"{plain.url}/metrics").text
    assert "cspon_ledger_owed 0.0" in text
