"""Asynchronous execution by OGC API – Processes: a job, its status, its result, its end."""

import time
from datetime import UTC, datetime, timedelta

import httpx

from serving.access.keys import Key

EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
ASYNC = {"prefer": "respond-async"}
ENDED = {"successful", "failed", "dismissed"}


def execution(served, name, headers=ASYNC, **body):
    place = f"{served.url}/ogc/processes/{name}/execution"
    return httpx.post(place, json=body, headers=headers, timeout=60)


def ended(place):
    end = time.monotonic() + 90
    while (said := httpx.get(place, timeout=30).json())["status"] not in ENDED:
        assert time.monotonic() < end
        time.sleep(0.3)
    return said


def test_an_execution_becomes_a_job_whose_result_is_that_of_a_direct_one(gateway, county):
    served = gateway(layers=county.folder)
    inputs = {"kinds": ["food"]}
    taken = execution(served, "assess_risks", inputs=inputs)
    assert taken.status_code == 201, taken.text
    assert taken.headers["preference-applied"] == "respond-async"
    place, told = taken.headers["location"], taken.json()
    assert place == f"{served.url}/ogc/jobs/{told['jobID']}"
    assert (told["processID"], told["type"]) == ("assess_risks", "process")
    assert told["status"] in {"accepted", "running"}
    early = httpx.get(f"{place}/results")
    if early.status_code != 200:
        assert early.status_code == 404
        assert early.json()["type"] == EXCEPTIONS + "result-not-ready"
    said = ended(place)
    assert (said["status"], said["progress"]) == ("successful", 100)
    created, finished = (datetime.fromisoformat(said[k]) for k in ("created", "finished"))
    assert created.tzinfo is not None
    assert finished >= created
    rel = {link["rel"]: link["href"] for link in said["links"]}
    got = httpx.get(rel["http://www.opengis.net/def/rel/ogc/1.0/results"], timeout=30).json()
    direct = execution(served, "assess_risks", headers={}, inputs=inputs).json()
    for one in (got, direct):
        del one["provenance"]
    assert got == direct
    listed = httpx.get(f"{served.url}/ogc/jobs").json()["jobs"]
    assert [job["jobID"] for job in listed] == [told["jobID"]]


def test_what_cannot_be_executed_is_told_at_once_or_as_the_jobs_end(gateway, county):
    served = gateway(layers=county.folder)
    wrong = execution(served, "assess_risks", inputs={"kinds": 7})
    assert wrong.status_code in (400, 422)
    assert wrong.headers["content-type"] == "application/problem+json"
    document = execution(served, "assess_risks", inputs={}, response="document")
    assert document.status_code in (400, 422)
    assert execution(served, "no_such", inputs={}).json()["type"] == EXCEPTIONS + "no-such-process"
    taken = execution(served, "assess_risks", inputs={"kinds": ["no such kind"]})
    if taken.status_code == 201:
        place = taken.headers["location"]
        assert ended(place)["status"] == "failed"
        problem = httpx.get(f"{place}/results")
        assert problem.status_code >= 400
        assert problem.headers["content-type"] == "application/problem+json"


def test_a_job_is_dismissed_and_is_its_callers_own(gateway, county):
    served = gateway(layers=county.folder)
    place = execution(served, "assess_risks", inputs={}).headers["location"]
    gone = httpx.delete(place, timeout=30)
    assert gone.status_code == 200
    assert ended(place)["status"] in {"dismissed", "successful"}
    assert httpx.delete(f"{served.url}/ogc/jobs/job-{'0' * 32}").status_code == 404
    several = {"steps": [{"tool": "assess_risks"}, {"tool": "assess_risks"}]}
    other = httpx.post(f"{served.url}/v1/jobs", json=several, timeout=30).json()["id"]
    assert httpx.get(f"{served.url}/ogc/jobs/{other}").status_code == 404
    httpx.post(f"{served.url}/v1/jobs/{other}/cancel", timeout=30)


def test_a_key_without_jobs_executes_synchronously_only(gateway, county):
    served = gateway(layers=county.folder, auth="keys")
    now = datetime.now(UTC)
    key = Key(
        id="", user="u", scopes=("tools",), created_at=now, expires_at=now + timedelta(days=1)
    )
    secret = served.services.keys.create(key).secret
    headers = {"authorization": f"Bearer {secret}"}
    refused = execution(served, "assess_risks", headers={**headers, **ASYNC}, inputs={})
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert httpx.get(f"{served.url}/ogc/jobs", headers=headers).status_code == 403
