"""The gateway benchmark end to end, small: figures there, the budget held, no line lost."""

import pytest

pytest.importorskip("uvloop")


def test_a_small_run(capsys):
    from eval.bench.gateway import run

    said = []
    result = run(delay_ms=2, seconds=1, connections=4, idle=20, say=said.append)
    assert result["own"]["closed"]["statuses"].keys() == {"200"}
    assert result["rps_per_core"] > 0
    assert result["bare_rps_per_core"] > 0
    assert result["idle_streams"] == 20
    assert result["idle_streams_rss_mb"] > 50
    assert result["overspent_tokens"] == 0
    budget = result["budget"]
    assert 0.9 * budget["limit"] < budget["told"] <= budget["limit"]
    assert budget["statuses"]["429"] > 0
    assert result["peer_rps_per_core"] is None
    assert "litellm" in result["why"]["peer"]
    assert len(said) == 6
