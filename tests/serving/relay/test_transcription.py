"""A recording to a made-up engine and its words back, by the official client. No model of speech is run."""

import io
import json
import struct
from datetime import UTC, datetime, timedelta

import httpx
import openai
import pytest
from starlette.requests import Request

from serving.access.keys import Key
from serving.relay.transcription import MAX_AUDIO, kind_of, seconds_of

PATH = "/v1/audio/transcriptions"
LIMITS = "limits:\n- {id: t, by: everyone, of: tokens, per: total, amount: 3000}\n"
TEXT = "规划用地 12.5 公顷。"
MOBILE = "13800138000"
SRT = (
    "1\n00:00:00,000 --> 00:00:02,000\n规划用地\n\n2\n00:00:02,000 --> 00:00:04,000\n12.5 公顷。\n"
)


def wav(seconds=2, rate=8000):
    data = b"\0\0" * rate * seconds
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)  # fmt: skip
    return head + struct.pack("<4sI", b"data", len(data)) + data


class Speech:
    """An engine that takes the form, notes it, and says what the test wants."""

    def __init__(self):
        self.asked, self.said = [], None
        self.usage = {
            "type": "tokens", "input_tokens": 20, "output_tokens": 5, "total_tokens": 25,
        }  # fmt: skip

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        async with Request(scope, receive).form() as form:
            file = form["file"]
            fields = {key: form.getlist(key) for key in form if key != "file"}
            self.asked.append((scope["path"], fields, file.filename, file.content_type, await file.read()))  # fmt: skip
        whole = {"text": TEXT, **({"usage": self.usage} if self.usage else {})}
        said = json.dumps(whole, ensure_ascii=False) if self.said is None else self.said
        head = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": said.encode()})


@pytest.fixture
def made():
    return Speech()


@pytest.fixture
def speech(relayed):
    def start(**more):
        facts = {"kinds": ["transcriptions"], "models": [{"name": "asr", "upstream": "whisper"}]}
        return relayed(**{**facts, "audio_tokens_per_s": 50, "audio_s": 40, **more})

    return start


def file(content=None, name="会议.wav"):
    return (name, io.BytesIO(content if content is not None else wav()), "text/html")


def post(started, content=None, **fields):
    return started.http.post(
        PATH, files={"file": file(content)}, data={"model": "asr", **fields}
    )  # fmt: skip


def used(started):
    (line,) = [u for u in started.http.get("/v1/usage").json()["data"] if u["subject"] == "asr"]
    return line["prompt_tokens"], line["completion_tokens"]


def test_the_official_client_gets_what_the_engine_said(speech, made):
    with speech(budgets=LIMITS) as started:
        reply = started.client().audio.transcriptions.create(
            model="asr", file=file(), language="zh", prompt="规划", temperature=0,
            timestamp_granularities=["segment"],
        )  # fmt: skip
        assert reply.text == TEXT
        assert reply.usage.total_tokens == 25
        path, fields, name, kind, audio = made.asked[0]
        assert (path, name, kind, audio) == (PATH, "audio.wav", "audio/wav", wav())
        assert fields == {
            "model": ["whisper"], "language": ["zh"], "prompt": ["规划"], "temperature": ["0"],
            "timestamp_granularities[]": ["segment"],
        }  # fmt: skip
        assert used(started) == (20, 5)
        lines = (started.services.settings.audit_file).read_text(encoding="utf-8").splitlines()
        (line,) = [e for e in map(json.loads, lines) if e["kind"] == "relayed"]
        assert (line["endpoint"], line["model"], line["prompt_tokens"]) == (PATH, "asr", 20)


@pytest.mark.parametrize(
    ("form", "said", "kind"),
    [
        ("text", TEXT + "\n", "text/plain"),
        ("srt", SRT, "text/plain"),
        ("vtt", "WEBVTT\n\n" + SRT.replace(",", "."), "text/plain"),
        ("verbose_json", json.dumps({"text": "甲", "segments": [{"text": "甲"}]}), "application/json"),
    ],
)  # fmt: skip
def test_each_form_is_passed_on_byte_for_byte_under_its_own_type(speech, made, form, said, kind):
    made.said = said
    with speech() as started:
        reply = post(started, response_format=form)
        assert reply.content == said.encode()
        assert reply.headers["content-type"].partition(";")[0] == kind
        told = started.client().audio.transcriptions.create(
            model="asr", file=file(), response_format=form
        )
        assert told == said if kind == "text/plain" else told.segments


def test_it_is_charged_by_seconds_where_the_engine_counts_them_and_else_at_the_bound(speech, made):
    made.usage = {"type": "duration", "seconds": 1.4}
    with speech(budgets=LIMITS) as started:
        post(started)
        assert used(started) == (100, 0)
        made.usage = None
        post(started)
        assert used(started) == (100 + 128 + 3 * 50, 0)  # a WAV tells its length: head and 2 s


def test_what_does_not_tell_its_length_is_reserved_at_the_most_and_refused_past_the_budget(
    speech, made
):
    with speech(budgets=LIMITS, audio_s=60) as started:
        reply = post(started, b"OggS" + b"\0" * 50)
        assert (reply.status_code, reply.json()["error"]["limit"]) == (429, "t")
        assert made.asked == []
        assert post(started).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"stream": "true"}, 400, "stream"),
        ({"seed": "1"}, 400, "seed"),
        ({"response_format": "html"}, 400, "response_format"),
        ({"model": "nobody"}, 404, "model"),
    ],
)
def test_what_the_form_may_not_hold(speech, made, change, status, param):
    with speech() as started:
        reply = post(started, **change)
        assert (reply.status_code, reply.json()["error"]["param"]) == (status, param)
        assert made.asked == []


def test_what_is_no_recording_is_refused(speech, made):
    with speech() as started:
        assert post(started, b"<html></html>").status_code == 415
        assert started.http.post(PATH, json={"model": "asr"}).status_code == 415
        missing = started.http.post(PATH, files={"other": file()}, data={"model": "asr"})
        assert missing.json()["error"]["param"] == "file"
        head = {"content-type": "multipart/form-data; boundary=x"}
        for broken in (b"", b"--x\r\n", b"junk"):
            assert started.http.post(PATH, content=broken, headers=head).status_code == 400
        no_boundary = {"content-type": "multipart/form-data"}
        assert started.http.post(PATH, content=b"x", headers=no_boundary).status_code == 400
        assert post(started, wav() + b"\0" * MAX_AUDIO).status_code == 413
        assert made.asked == []


def test_without_an_engine_of_speech_it_is_said(gateway, relayed):
    with pytest.raises(openai.NotFoundError, match="没有提供语音转写的模型"):
        gateway().client().audio.transcriptions.create(model="asr", file=file())
    with relayed() as started:  # an engine of chat
        reply = started.http.post(PATH, files={"file": file()}, data={"model": "qwen"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")


def test_the_guards_look_through_the_prompt_and_the_words(speech, made):
    with speech() as started:
        post(started, prompt=f"联系人电话 {MOBILE}")
        assert MOBILE not in made.asked[0][1]["prompt"][0]
        made.said = json.dumps({"text": f"电话 {MOBILE}", "segments": [{"text": f"电话 {MOBILE}"}]})
        reply = post(started, response_format="verbose_json")
        assert MOBILE not in reply.text
        assert reply.json().keys() == {"text"}
        made.said = f"电话 {MOBILE}"
        assert MOBILE not in post(started, response_format="text").text
        made.said = SRT.replace("规划用地", "电话 138").replace("12.5 公顷。", "00138000")
        reply = post(started, response_format="srt")
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "guard_blocked")


def test_a_key_for_another_model_does_not_open_it(speech, made):
    now = datetime.now(UTC)
    key = Key(
        id="", user="系统", models=("qwen",), created_at=now, expires_at=now + timedelta(days=1)
    )
    with speech() as started:
        new = started.services.keys.create(key)
        head = {"authorization": f"Bearer {new.secret}"}
        reply = httpx.post(f"{started.url}{PATH}", files={"file": file()}, data={"model": "asr"}, headers=head)  # fmt: skip
        assert reply.status_code == 404
        assert made.asked == []


def test_kinds_are_told_by_the_first_bytes():
    assert [kind_of(head)[0] for head in (wav(), b"fLaC", b"OggS", b"\0\0\0\x20ftypM4A ", b"\x1aE\xdf\xa3", b"ID3", b"\xff\xfb")] == [
        "wav", "flac", "ogg", "m4a", "webm", "mp3", "mp3",
    ]  # fmt: skip


def test_only_an_honest_wav_tells_its_seconds():
    assert seconds_of(wav(10)) == 11
    assert seconds_of(b"OggS" + b"\0" * 60) is None
    assert seconds_of(wav()[:30]) is None
    assert seconds_of(wav() + b"fmt ") is None  # two heads: which one a decoder takes is not known
    assert seconds_of(wav(rate=0, seconds=1)) is None
