"""The guards before the base: what stands in a document that is handed in, said to who hands it in.

Nothing is changed: the text of a base is quoted word for word. What the policy refuses in material, at the
level that the document has, keeps it out; all else is told by kind and place, never by its words.
"""

from collections.abc import Sequence

from cspon.errors import InputError
from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Document, Passage
from serving.guards.edge import Guards
from serving.guards.finding import Tally, find_hits
from serving.guards.rules import Rule
from serving.guards.wording import facts

PLACES = 5
"""Places that are named of one kind in one document."""


class DocumentGuard:
    """The guards of one batch of documents.

    Args:
        guards: Those of the gateway.
        principal: Who hands the documents in.
        request_id: For the record.
    """

    def __init__(self, guards: Guards, principal: Principal, request_id: str) -> None:
        self._guards, self._principal, self._request_id = guards, principal, request_id

    def look(self, document: Document, passages: Sequence[Passage]) -> list[str]:
        """Look through a document, and put on record what was found.

        Returns:
            What its report shall say.

        Raises:
            InputError: it must not come in; names the rule and the place.
            SetupError: the audit cannot be written.
        """
        side = self._guards.policies().of(document.secrecy).sides["data"]
        places: dict[Rule, list[str]] = {}
        for where, text in (("题名", document.title), *((_place(p), p.text) for p in passages)):
            for rule in {hit.rule: None for hit in find_hits(text, side.matcher)}:
                places.setdefault(rule, []).append(where)
        self._record(
            document,
            [
                Tally(rule.id, rule.title, "data", _action(side.actions[rule.id]), len(found))
                for rule, found in places.items()
            ],
        )
        for rule, found in places.items():
            if side.actions[rule.id] == "block":
                raise InputError(
                    f"{_named(found)}有{rule.title}（规则 {rule.id}），按密级“{document.secrecy}”不得入库",
                    mend=rule.mend,
                )
        return [
            f"{_named(found)}有{rule.title}（规则 {rule.id}），未改动原文，请核对内容和密级"
            for rule, found in places.items()
        ]

    def _record(self, document: Document, tallies: list[Tally]) -> None:
        if not tallies:
            return
        for tally in tallies:
            self._guards.metrics.count_guard(tally.rule, tally.action, tally.side, tally.count)
        self._guards.audit.knowledge(
            "guards",
            principal=self._principal,
            request_id=self._request_id,
            found=facts(tallies),
            file=f"sha256:{document.original}",
        )


def _action(action: str) -> str:
    """Say what is done: what would be masked for a model is told here, and stays."""
    return "block" if action == "block" else "flag"


def _place(passage: Passage) -> str:
    if passage.article:
        return passage.article
    number = f"第 {(passage.ordinal or 0) + 1} 段"
    return f"第 {passage.page} 页{number}" if passage.page else number


def _named(places: Sequence[str]) -> str:
    more = f"等 {len(places)} 处" if len(places) > PLACES else ""
    return f"{'、'.join(places[:PLACES])}{more}"
