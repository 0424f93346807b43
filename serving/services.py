"""What the gateway opened at start: model, knowledge base, layers, assistant; and what is missing.

A part that cannot be opened degrades the gateway, it does not stop it: `Services.missing` says why,
`/readyz` and the pages show it.
"""

import asyncio
import hmac
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from anyio import CapacityLimiter

from cspon.errors import CsponError, missing_extra
from cspon.schemas.agent import Answer, Event, Principal
from cspon.schemas.base import Frozen, Secrecy
from cspon.settings import Settings
from llm.chat import ChatModel
from llm.embeddings import Embedder
from serving import tracing
from serving.access.secret import server_secret
from serving.access.store import KeyStore
from serving.assembly import model_options, open_embedder, open_knowledge_base
from serving.audit import Audit
from serving.budget.ledger import Ledger
from serving.budget.limits import Budgets, read_budgets
from serving.budget.metered import MeteredModel
from serving.budget.opening import open_ledger
from serving.data_files import DataFiles
from serving.guards import edge, runs
from serving.guards.edge import policies_of
from serving.kb_ingest import Ingests
from serving.metrics import Metrics
from serving.model_names import ASSISTANT, MODEL
from serving.problems import ApiError, public
from serving.relay.client import Client
from serving.relay.engines import Engines, read_engines
from serving.relay.implied import AllEngines
from serving.uploads import Uploads
from serving.watched import Watched

if TYPE_CHECKING:
    from knowledge_base.base import KnowledgeBase
    from serving.access.oidc.sign_in import SignIn

log = logging.getLogger("cspon.serving")

threads = CapacityLimiter(max(2, os.cpu_count() or 2))
"""Overlays and maps are CPU work: no more of them at once than cores."""


ANYBODY = Principal(user="", clearance=Secrecy.PUBLIC)
"""Who looks at the state of the parts: counts of what others may read are not told."""


class Answerer(Protocol):
    """What the gateway needs of `agents.assistant.Assistant`."""

    def stream(
        self,
        question: str,
        *,
        boundary: Path | None = None,
        workspace: Path | None = None,
        principal: Principal | None = None,
        asked_on: date | None = None,
        run_id: str | None = None,
    ) -> AsyncIterator[Event]:
        """Answer with progress, text deltas and the final answer."""
        ...


class PartState(Frozen):
    """Whether one part works."""

    ok: bool
    detail: str = ""


@dataclass
class Services:
    """The parts of a running gateway; `missing` maps a part to the reason in Chinese."""

    settings: Settings
    metrics: Metrics
    audit: Audit
    uploads: Uploads
    data_files: DataFiles
    ingests: Ingests
    keys: KeyStore
    session_secret: bytes
    budgets: Callable[[], Budgets]
    ledger: Ledger
    engines: Callable[[], Engines]
    client: Client
    guards: edge.Guards
    sign_in: "SignIn | None" = None
    """The way in by the bureau's identity provider."""
    model: ChatModel | None = None
    embedder: Embedder | None = None
    knowledge_base: "KnowledgeBase | None" = None
    assistant: Answerer | None = None
    missing: dict[str, str] = field(default_factory=dict)
    synthetic: bool = False
    """The layers are made data."""

    async def ask(
        self,
        question: str,
        *,
        boundary: Path | None = None,
        workspace: Path | None = None,
        principal: Principal,
        asked_on: date | None = None,
        request_id: str = "",
    ) -> AsyncGenerator[Event, None]:
        """Run the assistant between the guards.

        The folder of an uploaded boundary is taken out of every text. Tools write files for the user
        into `workspace`; without one they write none.

        Raises:
            ApiError: 503, the assistant could not be opened.
        """
        if self.assistant is None:
            raise ApiError(503, "助手尚未就绪，详见 /readyz", code="not_ready")
        assistant = self.assistant

        def answering(seen: str) -> Any:
            return assistant.stream(
                seen,
                boundary=boundary,
                workspace=workspace,
                principal=principal,
                asked_on=asked_on,
            )

        passage = self.guards.open(principal, self.model, request_id)
        events = runs.ask(passage, question, answering, asked_on=asked_on)
        span = tracing.Open("invoke_agent", ASSISTANT, around=True)
        try:
            async with aclosing(events):
                async for event in events:
                    yield event if boundary is None else _without_folder(event, boundary.parent)
        finally:
            span.end()

    async def record_answer(self, answer: Answer, *, principal: Principal, request_id: str) -> None:
        """Count an answer and put it on record.

        Raises:
            SetupError: the audit cannot be written; the answer must not go out.
        """
        self.metrics.count_answer(answer)
        await asyncio.to_thread(
            self.audit.answer, answer, principal=principal, request_id=request_id
        )

    def adopt_base(self) -> None:
        """Open the knowledge base if a first batch of files has just made it."""
        if self.knowledge_base is None and self.embedder is not None:
            self.knowledge_base = _open_knowledge_base(self, self.embedder)
            if self.knowledge_base is not None:
                self.missing.pop("store", None)
                assistant: Any = self.assistant
                if getattr(assistant, "knowledge_base", self) is None:
                    assistant.knowledge_base = self.knowledge_base

    async def state(self) -> dict[str, PartState]:
        """Say for model, store and layers whether they work, now."""
        return {
            "model": await self._model_state(),
            "store": await asyncio.to_thread(self._store_state),
            "layers": await asyncio.to_thread(self._layers_state),
        }

    async def _model_state(self) -> PartState:
        if self.model is None:
            why = self.missing.get("model", "未配置对话模型（none）")
            return PartState(ok=False, detail=f"{why}；只给出工具结论与条文原文")
        health = await self.model.health()
        return PartState(ok=health.ok, detail=f"{self.model.name} {health.detail}".strip())

    def _store_state(self) -> PartState:
        if self.knowledge_base is None:
            return PartState(ok=False, detail=self.missing.get("store", "法规库未打开"))
        try:
            status = self.knowledge_base.status(principal=ANYBODY)
        except CsponError as error:
            return PartState(ok=False, detail=one_line(error))
        return PartState(ok=True, detail=describe_store(status))

    def _layers_state(self) -> PartState:
        from tools.layers import load_catalogue

        try:
            catalogue = load_catalogue(self.settings.layers)
        except CsponError as error:
            return PartState(ok=False, detail=one_line(error))
        gone = [s.title for s in catalogue.layers if not (self.settings.layers / s.path).exists()]
        self.synthetic = catalogue.synthetic
        marked = catalogue.synthetic and "合成" not in catalogue.title
        kind = "（合成数据）" if marked else ""
        if gone:
            return PartState(ok=False, detail=f"{catalogue.title}{kind}缺图层：{'、'.join(gone)}")
        return PartState(ok=True, detail=f"{catalogue.title}{kind}，{len(catalogue.layers)} 个图层")

    async def close(self) -> None:
        """Close what was opened, after what is being written."""
        await self.ingests.close()
        closing: Any = getattr(self.assistant, "aclose", None)
        if closing:
            await closing()
        if self.knowledge_base is not None:
            await asyncio.to_thread(self.knowledge_base.close)
        if self.model is not None:
            await self.model.aclose()
        if self.sign_in is not None:
            await self.sign_in.aclose()
        await self.client.aclose()
        await self.ledger.aclose()
        self.audit.close()
        self.keys.close()


def one_line(error: CsponError) -> str:
    """Say an error in one line without the folders of this machine."""
    return public(str(error)).replace("\n", "；")


def _without_folder(event: Event, folder: Path) -> Event:
    text = event.model_dump_json().replace(f"{folder}/", "").replace(str(folder), "")
    return Event.model_validate_json(text)


def describe_store(status: Any) -> str:
    """Say in a few words what the knowledge base holds."""
    return "，".join(
        f"{label} {getattr(status, name)}"
        for name, label in (("documents", "文献"), ("passages", "条文"))
        if getattr(status, name, None) is not None
    )


def start_services(settings: Settings) -> Services:
    """Make the parts without which nothing is served.

    Raises:
        SetupError: the keys or the ledger cannot be opened, or sign-in is not set as it should be.
        InputError: the limits, the policies of the guards or the rights are not as they should be.
    """
    secret = server_secret(settings.secret_file)
    keys = KeyStore(settings.keys_db, secret)
    session_secret = hmac.digest(secret, b"sessions of the pages", "sha256")
    budgets = Watched(settings.budgets_file, read_budgets)
    metrics, audit = Metrics(), Audit(settings.audit_file, settings.secret_file)
    return Services(
        settings,
        metrics,
        audit,
        Uploads(settings.home / "uploads", max_bytes=settings.max_upload_mb << 20),
        DataFiles(settings.home / "data_files", max_bytes=settings.max_upload_mb << 20),
        Ingests(settings.home / "ingests"),
        keys,
        session_secret,
        budgets,
        open_ledger(settings.ledger, settings.ledger_db, budgets),
        AllEngines(settings, Watched(settings.engines_file, read_engines), MODEL),
        Client(),
        edge.Guards(policies_of(settings.guards), settings.openai_base_url, metrics, audit),
        _open_sign_in(settings, keys, session_secret),
    )


def _open_sign_in(settings: Settings, keys: KeyStore, secret: bytes) -> "SignIn | None":
    if settings.oidc_issuer is None:
        return None
    try:
        from serving.access.oidc.sign_in import open_sign_in
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "jwt", "oidc") from None
    return open_sign_in(settings, keys, secret)


async def open_parts(
    services: Services, *, assistant: Answerer | None, model: ChatModel | None
) -> None:
    """Open the model, the knowledge base and the assistant; what fails is noted, not raised."""
    services.model = _metered(services, model or _open_model(services))
    if assistant is not None:
        services.assistant = assistant
        return
    services.embedder = embedder = await asyncio.to_thread(_open_embedder, services)
    if embedder is not None:
        services.knowledge_base = await asyncio.to_thread(_open_knowledge_base, services, embedder)
    from agents.assistant import Assistant

    services.assistant = Assistant(
        services.model,
        services.knowledge_base,
        services.settings.layers,
        services.settings.runs_db,
        embedder=embedder,
    )


def _metered(services: Services, model: ChatModel | None) -> ChatModel | None:
    if model is None:
        return None
    return MeteredModel(
        model,
        services.ledger,
        public=MODEL,
        price=lambda: services.budgets().price(MODEL),
        context=services.settings.model_context if model.name.startswith("embedded:") else None,
    )


def _open_model(services: Services) -> ChatModel | None:
    from llm.providers import get_model

    try:
        return get_model(services.settings.model, model_options(services.settings))
    except CsponError as error:
        _note(services, "model", error)
        return None


def _open_embedder(services: Services) -> Embedder | None:
    try:
        return open_embedder(services.settings)
    except CsponError as error:
        _note(services, "store", error)
        return None


def _open_knowledge_base(services: Services, embedder: Embedder) -> "KnowledgeBase | None":
    try:
        return open_knowledge_base(services.settings, embedder)
    except CsponError as error:
        _note(services, "store", error)
        return None


def _note(services: Services, part: str, error: CsponError) -> None:
    services.missing[part] = one_line(error)
    log.warning("part missing", extra={"facts": {"part": part, "why": str(error)}})
