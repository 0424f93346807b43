"""Speech to text: a form with a recording goes to an engine, its words come back between the guards.

It knows the form and the beginnings of sound files. It does not decode sound: only of an uncompressed WAV
does it know how long it is; of the rest it is assumed that it is as long as the engine takes at most.
"""

import asyncio
import math
import re
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from struct import unpack_from
from typing import Any

import orjson
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from serving.budget.bounds import OF_A_PROMPT, text_bound
from serving.budget.ledger import Reservation
from serving.budget.limits import Weight
from serving.problems import ApiError
from serving.relay.body import Asked
from serving.relay.engines import Engine, Served
from serving.relay.exchange import Exchange
from serving.relay.guarding import Guarded

MAX_AUDIO = 25 << 20
"""Bytes of a form, as OpenAI has it."""
MAX_FIELD = 64 << 10
PIECE = 1 << 20
FIELDS = frozenset(
    ["model", "language", "prompt", "response_format", "temperature", "timestamp_granularities[]"]
)
FORMATS = {
    "json": b"application/json",
    "verbose_json": b"application/json",
    "text": b"text/plain; charset=utf-8",
    "srt": b"text/plain; charset=utf-8",
    "vtt": b"text/plain; charset=utf-8",
}
"""Forms of an answer, and how each is labelled on the way out."""
PCM = frozenset([1, 3])
"""Format tags of uncompressed WAV: whole numbers, floating point."""
CUE = re.compile(r"^(?:\d+\r?\n)?[\d:.,]+[ \t]+-->.*$", re.MULTILINE)
"""Number and time of a subtitle."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A form as it came: its fields and its file."""

    fields: tuple[tuple[str, str], ...]
    audio: bytes

    def of(self, name: str) -> str:
        """Return a field; empty where it is not given."""
        return next((value for known, value in self.fields if known == name), "")


async def read_form(headers: Headers, raw: bytes) -> Recording:
    """Read a form.

    Raises:
        ApiError: 400 or 415, it is no form with a file and known fields; names the field.
    """
    if not headers.get("content-type", "").startswith("multipart/form-data"):
        raise ApiError(415, "请求须为 multipart/form-data", code="unsupported_media_type")

    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(raw), PIECE):
            yield raw[start : start + PIECE]
            await asyncio.sleep(0)  # other requests go on meanwhile

    parser = MultiPartParser(
        headers, pieces(), max_files=1, max_fields=len(FIELDS) + 4, max_part_size=MAX_FIELD
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError):
        raise ApiError(400, "表单无法读取，或文件、字段过多、过长", code="invalid_value") from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise ApiError(400, "缺少音频文件（字段 file）", param="file", code="missing")
        audio = await file.read()
        fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    finally:
        await form.close()
    return Recording(tuple(fields), audio)


def ask(said: Recording, size: int, engine: Engine, served: Served) -> Asked:
    """Check a form and bound its tokens; `seal` writes what the engine gets.

    Args:
        said: The form.
        size: Bytes of the body as it came.
        engine: Who serves it.
        served: The model.

    Raises:
        ApiError: 400, names the field.
    """
    kind_of(said.audio)
    told: dict[str, Any] = {}
    for name, value in said.fields:
        if name not in FIELDS - engine.refuses:
            raise ApiError(
                400, f"不支持参数 {name[:80]}", param=name[:80], code="unsupported_parameter"
            )
        told.setdefault(name, []).append(value)
    if (said.of("response_format") or "json") not in FORMATS:
        names = "、".join(FORMATS)
        raise ApiError(
            400, f"response_format 应为 {names}", param="response_format", code="invalid_value"
        )
    told |= {"model": served.known_as, "prompt": said.of("prompt")}
    seconds = min(engine.audio_s, seconds_of(said.audio) or engine.audio_s)
    prompt = OF_A_PROMPT + text_bound(said.of("prompt")) + seconds * engine.audio_tokens_per_s
    return Asked(engine, served, "transcriptions", told, False, False, prompt, 0, b"", size)


def seal(asked: Asked, said: Recording) -> None:
    """Write the form that the engine gets: the fields as guarded, the file under a name of ours."""
    longer = text_bound(asked.told["prompt"]) - text_bound(said.of("prompt"))
    asked.prompt += max(0, longer)
    boundary = secrets.token_hex(16).encode()
    suffix, media = kind_of(said.audio)
    parts = []
    for name, values in asked.told.items():
        for value in values if isinstance(values, list) else [values]:
            if value:
                head = b'content-disposition: form-data; name="%s"' % name.encode()
                parts.append((head, value.encode()))
    named = b'content-disposition: form-data; name="file"; filename="audio.%s"\r\ncontent-type: %s'
    parts.append((named % (suffix.encode(), media.encode()), said.audio))
    written = [b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, head, value) for head, value in parts]
    asked.payload = b"".join([*written, b"--%s--\r\n" % boundary])
    asked.content_type = b"multipart/form-data; boundary=" + boundary


def kind_of(audio: bytes) -> tuple[str, str]:
    """Return suffix and media type of a sound file by its first bytes.

    Raises:
        ApiError: 415, it is none that engines take.
    """
    if audio[:4] == b"RIFF" and audio[8:12] == b"WAVE":
        return "wav", "audio/wav"
    if audio[:4] == b"fLaC":
        return "flac", "audio/flac"
    if audio[:4] == b"OggS":
        return "ogg", "audio/ogg"
    if audio[4:8] == b"ftyp":
        return "m4a", "audio/mp4"
    if audio[:4] == b"\x1aE\xdf\xa3":
        return "webm", "audio/webm"
    if audio[:3] == b"ID3" or (audio[:1] == b"\xff" and audio[1:2] >= b"\xe0"):
        return "mp3", "audio/mpeg"
    raise ApiError(
        415, "音频应为 wav、mp3、m4a（mp4）、ogg、flac 或 webm", param="file",
        code="unsupported_media_type",
    )  # fmt: skip


def seconds_of(audio: bytes) -> int | None:
    """Return the most seconds of an uncompressed WAV; None where it cannot be told from the head."""
    at = audio[:4096].find(b"fmt ")
    if audio[:4] != b"RIFF" or at < 0 or audio.count(b"fmt ") != 1 or len(audio) < at + 24:
        return None
    tag, channels, rate, _, _, bits = unpack_from("<HHIIHH", audio, at + 8)
    per_second = int(channels * rate * (bits // 8))
    if tag not in PCM or not per_second:
        return None
    return math.ceil(len(audio) / per_second)


class Transcribing(Exchange):
    """A recording, from its reservation to its record."""

    def shaped(self, form: str) -> None:
        """Say which form of answer was asked for."""
        self._form = form or "json"
        self._type = (b"content-type", FORMATS[self._form])

    def _checked(
        self, asked: Asked, guarded: Guarded, said: dict[str, Any], content: bytes
    ) -> bytes:
        """Return the answer as it may go out; what is in time with the sound cannot be masked piecewise."""
        if self._form in ("json", "verbose_json"):
            text = said.get("text")
            segments = said.get("segments") or ()
            timed = "".join(str(s.get("text", "")) for s in segments if isinstance(s, dict))
            changed = _filter(guarded, text) if isinstance(text, str) else None
            if changed is None and (not timed or _filter(guarded, timed) is None):
                return content
            kept = {key: said[key] for key in said if key not in ("segments", "words")}
            return orjson.dumps({**kept, "text": text if changed is None else changed})
        told = content.decode("utf-8", "replace")
        if self._form == "text":
            changed = _filter(guarded, told)
            return content if changed is None else changed.encode()
        if _filter(guarded, "".join(CUE.sub("", told).splitlines())) is not None:
            raise ApiError(
                400, "字幕中有须遮盖的内容，不能逐条遮盖；请改用 json 或 text",
                param="response_format", code="guard_blocked",
            )  # fmt: skip
        return content

    def _weight(
        self, asked: Asked, held: Reservation, usage: dict[str, Any] | None, given: int = 0
    ) -> Weight:
        """Return what was used, by the tokens or the seconds that the engine tells, else the bound."""
        said = usage or {}
        seconds = said.get("seconds")
        if isinstance(said.get("input_tokens"), int):
            told = {
                "prompt_tokens": said["input_tokens"],
                "completion_tokens": said.get("output_tokens", 0),
            }
            return super()._weight(asked, held, told)
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0:
            tokens = math.ceil(seconds) * asked.engine.audio_tokens_per_s
            return super()._weight(asked, held, {"prompt_tokens": tokens})
        return super()._weight(asked, held, None)


def _filter(guarded: Guarded, text: str) -> str | None:
    """Return a text as the guards let it out; None where they change nothing.

    Raises:
        ApiError: 400 `guard_blocked`.
    """
    choice = {"text": text}
    return choice["text"] if guarded.whole({"choices": [choice]}) else None
