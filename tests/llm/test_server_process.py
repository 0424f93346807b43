import json
import os
import signal
import socket
import sys
import threading
import time

import pytest

from cspon.errors import SetupError
from llm import server_process
from llm.server_process import (
    ServerRecord,
    answers,
    await_ready,
    end,
    exclusive,
    free_port,
    process_birth,
    read_record,
    spawn,
)

SERVER = """
import http.server, json, signal, sys, time
port, model, stubborn = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "stubborn"
if stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"data": [{"id": model}]}).encode()
        self.send_response(200); self.send_header("content-length", str(len(body)))
        self.end_headers(); self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def launch(tmp_path):
    started: list[ServerRecord] = []

    def launch(code: str = SERVER, *, manner: str = "kind") -> ServerRecord:
        port = free_port("127.0.0.1", 0)
        command = [sys.executable, "-c", code, str(port), "m", manner]
        started.append(
            spawn(
                tmp_path, "test", command, host="127.0.0.1", port=port, model="m", fingerprint="f"
            )
        )
        return started[-1]

    yield launch
    for record in started:
        if record.alive:
            os.kill(record.pid, signal.SIGKILL)


def ready(record: ServerRecord, limit_s: float = 20) -> list[str]:
    said: list[str] = []
    await_ready(record, limit_s=limit_s, progress=said.append, what="引擎")
    return said


def test_a_server_is_started_recorded_awaited_and_stopped(launch, tmp_path):
    record = launch()
    assert read_record(tmp_path, "test") == record
    assert "已就绪" in ready(record)[-1]
    assert os.getsid(record.pid) != os.getsid(0)
    end(tmp_path, record)
    assert not record.alive
    assert read_record(tmp_path, "test") is None
    assert not (tmp_path / "test.json").exists()


def test_a_stubborn_server_is_killed(launch, tmp_path, monkeypatch):
    monkeypatch.setattr(server_process, "STOP_S", 0.3)
    record = launch(manner="stubborn")
    ready(record)
    end(tmp_path, record)
    assert not record.alive


def test_a_server_that_ends_is_told_with_its_last_words(launch):
    record = launch("import sys; sys.exit('model file is broken')")
    with pytest.raises(SetupError, match=r"启动后退出.*model file is broken"):
        ready(record)


def test_a_server_that_never_answers_runs_into_the_limit(launch):
    record = launch("import time; time.sleep(60)")
    with pytest.raises(SetupError, match="没有就绪"):
        ready(record, limit_s=0.5)


def test_a_stale_record_counts_as_none(launch, tmp_path):
    record = launch()
    os.kill(record.pid, signal.SIGKILL)
    while record.alive:
        time.sleep(0.01)
    assert (tmp_path / "test.json").exists()
    assert read_record(tmp_path, "test") is None


def test_a_reused_process_id_is_not_ours(launch, tmp_path):
    record = launch()
    kept = json.loads((tmp_path / "test.json").read_text())
    (tmp_path / "test.json").write_text(json.dumps({**kept, "born": "1"}))
    assert read_record(tmp_path, "test") is None
    assert record.alive


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}'])
def test_a_damaged_record_counts_as_none(tmp_path, text):
    (tmp_path / "test.json").write_text(text)
    assert read_record(tmp_path, "test") is None


def test_process_birth_of_nobody():
    assert process_birth(2**22 + 1) is None
    assert process_birth(os.getpid()) == process_birth(os.getpid()) is not None


def test_answers_wants_the_model_by_name(launch):
    record = launch()
    ready(record)
    assert answers(record)
    assert not answers(record.model_copy(update={"model": "other"}))
    assert not answers(record.model_copy(update={"port": free_port("127.0.0.1", 0)}))


def test_free_port_goes_on_past_ports_in_use():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = one.getsockname()[1]
        assert free_port("127.0.0.1", port) > port
        with pytest.raises(SetupError, match=f"端口 {port}–{port} 均被占用") as caught:
            free_port("127.0.0.1", port, tried=1)
    assert "CSPON_ENGINE_PORT" in caught.value.mend


def test_the_lock_lets_one_starter_in_at_a_time(tmp_path):
    inside, order = threading.Event(), []

    def second() -> None:
        inside.wait(5)
        with exclusive(tmp_path, "test", lambda line: order.append(line)):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with exclusive(tmp_path, "test", lambda line: None):
        inside.set()
        while not order:
            time.sleep(0.01)
        order.append("first done")
    thread.join()
    assert order == ["另一个进程正在启动或停止引擎，等待中", "first done", "second"]


def test_an_unwritable_folder_is_a_setup_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="CSPON_HOME"), exclusive(tmp_path / "file", "x", print):
        pass
