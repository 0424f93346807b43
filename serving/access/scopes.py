"""Which scope a route needs. What is not listed is closed: a test walks over every route."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from serving.access.keys import Scope

READ: Final = frozenset({"GET", "HEAD"})
LONGEST_KEPT: Final = 200
"""Answers are kept for paths up to this length: callers without a key must not fill the memory."""


@dataclass(frozen=True)
class Rule:
    """Paths, methods, and the scope they need; a scope of None is open to everybody."""

    path: re.Pattern[str]
    scope: Scope | None
    methods: frozenset[str] | None = None
    any_key: bool = False
    """Open to each valid key, whatever its scopes."""


def _rule(path: str, scope: Scope | None, *, read: bool = False, any_key: bool = False) -> Rule:
    return Rule(re.compile(path), scope, READ if read else None, any_key)


RULES: Final = (
    _rule(r"/healthz|/readyz", None, read=True),
    _rule(r"/login", None),
    _rule(r"/login/oidc(/callback)?", None, read=True),
    _rule(r"/favicon\.ico|/manifest\.json|/kb/assets/[^/]+", None, read=True),
    _rule(r"/metrics", "metrics", read=True),
    _rule(r"/openapi\.json", None, read=True, any_key=True),
    _rule(r"/v1/models(/.*)?", None, read=True, any_key=True),
    _rule(r"/v1/chat/completions|/v1/completions|/v1/audio/transcriptions", "chat"),
    _rule(r"/v1/embeddings|/v1/rerank", "embeddings"),
    _rule(r"/v1/usage(/.*)?", "usage", read=True),
    _rule(r"/v1/tools(/.*)?", "tools"),
    _rule(r"/mcp|/ogc(/.*)?", "tools"),
    _rule(r"/v1/files(/.*)?", "files"),
    _rule(r"/v1/kb/(search|articles|cite|graph|passages/.*)", "kb.read"),
    _rule(r"/v1/kb(/.*)?", "kb.read", read=True),
    _rule(r"/v1/kb(/.*)?", "kb.write"),
    Rule(
        re.compile(r"/v1/library/[^/]+/[^/]+/(enable|disable)|/v1/library/[^/]+/validate"),
        "library.write",
        frozenset({"POST"}),
    ),
    _rule(r"/v1/library(/.*)?", "library"),
    _rule(r"/v1/(jobs|batches)(/.*)?", "jobs"),
    _rule(r"/|/logout|/ui(/.*)?|/kb(/.*)?|/exports/.*", "pages"),
)


def rule_for(method: str, path: str) -> Rule | None:
    """Return the first rule for a request; None: closed."""
    find = _found if len(path) <= LONGEST_KEPT else _found.__wrapped__
    return find(method, path)


@lru_cache(maxsize=4096)
def _found(method: str, path: str) -> Rule | None:
    for rule in RULES:
        if (rule.methods is None or method in rule.methods) and rule.path.fullmatch(path):
            return rule
    return None
