"""The line of jobs in PostgreSQL: the same promises, with a real server."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def service_file(tmp_path_factory):
    """A service file that names a private server."""
    file = Path(__file__).parents[1] / "budget" / "conftest.py"
    spec = importlib.util.spec_from_file_location("budget_fixtures", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.ledger_server.__wrapped__(tmp_path_factory)
    connection = next(made)
    file = tmp_path_factory.mktemp("service") / "pg_service.conf"
    file.write_text(
        f"[cspon_jobs]\nhost={connection.info.host}\nuser=postgres\ndbname=postgres\n"
        f"[nobody]\nhost={file.parent}\nuser=postgres\ndbname=postgres\n"
    )
    yield file
    made.close()


def test_a_killed_server_repeats_no_finished_step(make_server, service_file):
    server = make_server(CSPON_JOBS="postgres:cspon_jobs", PGSERVICEFILE=str(service_file))
    body = {
        "steps": [{"tool": "slow", "arguments": {"word": w, "seconds": 0.5}} for w in ("甲", "乙")]
    }
    number = server.post(body, again="k-1").json()["id"]
    waiting = server.submit(word="丙").json()["id"]
    server.noted("begin 乙")
    server.kill()
    server.start()
    assert server.post(body, again="k-1").json()["id"] == number
    assert server.until(number, "done", "failed")["state"] == "done"
    assert server.until(waiting, "done", "failed")["state"] == "done"
    assert server.notes().count("end 甲") == 1
    running = server.submit(word="停", seconds=60).json()["id"]
    server.noted("begin 停")
    assert server.http.post(f"/v1/jobs/{running}/cancel").json()["state"] == "cancelled"
    assert not (server.home / "jobs.sqlite").exists()


def test_a_server_that_is_away_is_503(make_server, service_file):
    server = make_server(CSPON_JOBS="postgres:nobody", PGSERVICEFILE=str(service_file))
    reply = server.submit(word="甲")
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "not_ready")
