"""The engine that the setting of the chat model implies: its requests are passed on, too."""

import time
from collections.abc import Callable

from cspon.settings import Settings
from serving.relay.engines import Engine, Engines, Served

LOOK_EVERY_S = 1.0


class AllEngines:
    """The engines of the file, and the one that `CSPON_MODEL` names.

    Args:
        settings: Where the chat model is.
        listed: Returns the engines of the file.
        public: The chat model's name in `/v1/models`.
    """

    def __init__(self, settings: Settings, listed: Callable[[], Engines], public: str) -> None:
        self._settings, self._listed, self._public = settings, listed, public
        self._looked = float("-inf")
        self._implied: Engine | None = None
        self._last: tuple[Engines, Engine | None] | None = None
        self._all = Engines()

    def __call__(self) -> Engines:
        """Return the engines that there are now."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY_S:
            self._looked = now
            found = implied_engine(self._settings, self._public)
            if found != self._implied:
                self._implied = found
        listed = self._listed()
        if self._last is None or self._last[0] is not listed or self._last[1] is not self._implied:
            more = (self._implied,) if self._implied is not None else ()
            self._all = Engines(engines=(*listed.engines, *more))
            self._last = listed, self._implied
        return self._all


def implied_engine(settings: Settings, public: str) -> Engine | None:
    """Return the engine behind the chat model; None where there is none that speaks HTTP now."""
    provider, _, model = settings.model.partition(":")
    if provider == "openai" and model:
        return Engine(
            name="default",
            urls=(settings.openai_base_url,),
            models=_served(public, settings.model, model),
            secret=settings.openai_api_key,
            timeout_s=settings.model_timeout_s,
        )
    if provider != "embedded":
        return None
    from llm.embedded import NAME, served_name
    from llm.server_process import read_record

    record = read_record(settings.engine_dir, NAME)
    if record is None or record.model != served_name(model, settings.model_path):
        return None
    return Engine(
        name="embedded",
        urls=(record.address,),
        models=_served(public, settings.model, record.model),
        context=settings.model_context,
        max_tokens=512,
        most_tokens=settings.model_context,
        timeout_s=settings.model_timeout_s,
    )


def _served(public: str, provider_name: str, upstream: str) -> tuple[Served, ...]:
    return (Served(name=public, upstream=upstream, also=provider_name),)
