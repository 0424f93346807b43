"""Jobs in real processes: nothing is lost and no finished step runs twice, whatever is killed."""

import resource
import time


def steps(*words, seconds=0.0):
    return {
        "steps": [{"tool": "slow", "arguments": {"word": w, "seconds": seconds}} for w in words]
    }


def test_a_killed_server_repeats_no_finished_step_and_loses_no_job(server):
    sent = steps("甲", "乙", "丙", seconds=0.6)
    number = server.post(sent, again="k-1").json()["id"]
    words = [f"词{i}" for i in range(6)]
    others = {word: server.submit(word=word).json()["id"] for word in words}
    server.noted("begin 乙")
    server.kill()
    server.start()
    again = server.post(sent, again="k-1")
    assert (again.status_code, again.json()["id"]) == (200, number)
    assert server.post(steps("丁"), again="k-1").status_code == 409
    job = server.until(number, "done", "failed")
    assert (job["state"], job["percent"]) == ("done", 100)
    assert [s["state"] for s in job["steps"]] == ["done"] * 3
    notes = server.notes()
    assert notes.count("end 甲") == notes.count("end 丙") == 1
    assert sum(line.startswith("begin 甲") for line in notes) == 1
    assert sum(line.startswith("begin 乙") for line in notes) == 2
    found = server.http.get(f"/v1/jobs/{number}/result").json()["data"]
    assert [r["data"]["word"] for r in found] == ["甲", "乙", "丙"]
    events = [e for _, _, e in server.events(number)]
    texts = [e["text"] for e in events[:-1]]
    assert len(texts) == len(set(texts)) == 6  # also what was told is told once
    assert [e["percent"] for e in events] == [0, 33, 33, 66, 66, 100, 100]

    for word, other in others.items():  # a restart under load loses none
        assert server.until(other, "done", "failed")["state"] == "done", word
        found = server.http.get(f"/v1/jobs/{other}/result").json()
        assert found["data"] == {"word": word}
    begun = [line.split()[1] for line in server.notes() if line.startswith("begin 词")]
    assert set(begun) == set(words)
    assert len(begun) <= len(words) + 1  # the one that ran beside the job


def test_a_stop_in_good_order_goes_on_and_counts_no_attempt(server):
    number = server.submit(word="久", seconds=3).json()["id"]
    for _ in range(3):
        begun = len(server.notes())
        deadline = time.monotonic() + 30
        while len(server.notes()) == begun:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.stop()
        server.start()
    assert server.until(number, "done", "failed")["state"] == "done"
    assert sum(line.startswith("begin") for line in server.notes()) == 4


def test_jobs_of_callers_come_in_turn_and_are_theirs_alone(make_server):
    server = make_server(CSPON_JOBS_AT_ONCE="1")
    _, one = server.key("张工", tenant="甲局")
    other_id, other = server.key("李工", tenant="甲局")
    first = server.submit(word="长", seconds=1.5, headers=one).json()["id"]
    server.noted("begin 长")
    mine = [server.submit(word=f"张{i}", headers=one).json()["id"] for i in range(3)]
    late = server.submit(word="李0", headers=other)
    assert late.json()["position"] == 1  # one of the three has the same turn and came before
    assert server.job(mine[2], headers=one)["text"] == "排队中，前面还有 3 个任务"

    for method, path in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("POST", "/cancel")):
        reply = server.http.request(method, f"/v1/jobs/{first}{path}", headers=other)
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "job_not_found")
    listed = server.http.get("/v1/jobs", headers=other).json()["data"]
    assert [job["id"] for job in listed] == [late.json()["id"]]

    # a key that is revoked meanwhile: its jobs do not run
    from serving.access.secret import server_secret
    from serving.access.store import KeyStore

    revoked = server.submit(word="李1", headers=other).json()["id"]
    _, again = server.key("李工", tenant="甲局")
    store = KeyStore(server.home / "keys.sqlite", server_secret(server.home / "server.secret"))
    server.noted("end 李0")
    store.revoke(other_id)
    store.close()
    while (job := server.job(revoked, headers=again))["state"] not in ("done", "failed"):
        time.sleep(0.1)
    words = [line.split()[1] for line in server.notes() if line.startswith("begin")]
    assert words[:3] == ["长", "张0", "李0"]
    if "李1" not in words:
        assert job["steps"][0]["error"]["code"] == "key_ended"


def test_a_store_that_is_away_answers_503_and_loses_nothing(server):
    number = server.submit(word="先").json()["id"]
    server.until(number, "done")
    queue = server.home / "jobs.sqlite"
    queue.rename(queue.with_suffix(".away"))
    reply = server.submit(word="丢")
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "not_ready")
    assert not queue.exists()
    queue.with_suffix(".away").rename(queue)
    assert server.job(number)["state"] == "done"
    assert server.until(server.submit(word="后").json()["id"], "done")

    full = max(f.stat().st_size for f in server.home.glob("jobs.sqlite*"))
    pid = server.process.pid
    free = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (full, free[1]))
    replies = [server.submit(word="x" * 5000 + f"{i}") for i in range(200)]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, free)
    codes = [r.status_code for r in replies]
    assert set(codes) <= {202, 503}
    assert 503 in codes
    taken = [r.json()["id"] for r in replies if r.status_code == 202]
    for lost in taken:
        server.http.post(f"/v1/jobs/{lost}/cancel")
    assert server.until(server.submit(word="末").json()["id"], "done")
    listed = server.http.get("/v1/jobs?limit=100").json()["data"]
    assert len(listed) == min(100, len(taken) + 3)


def test_a_disk_that_fills_up_in_a_job_costs_the_step_under_way_at_most(server):
    number = server.post(steps("甲", "乙", "丙", seconds=0.8)).json()["id"]
    server.noted("begin 乙")
    pid = server.process.pid
    free = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, free[1]))
    deadline = time.monotonic() + 30
    while "job interrupted" not in server.log.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert server.submit(word="丁").status_code == 503
    resource.prlimit(pid, resource.RLIMIT_FSIZE, free)
    job = server.until(number, "done", "failed")
    assert (job["state"], [s["error"] for s in job["steps"]]) == ("done", [None] * 3)
    notes = server.notes()
    assert [notes.count(f"end {word}") for word in "甲丙"] == [1, 1]
    assert not any(line.startswith("begin 丁") for line in notes)
