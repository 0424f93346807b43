"""Which titles exist for a reader: a text that they may not read changes nothing that they see."""

from collections.abc import Sequence

from knowledge_base.access import Reader, may_read, readable_by
from knowledge_base.catalogue import Catalogue
from knowledge_base.titles import canonical_key, title_key

MOST_KINDS_OF_READERS = 64
"""Sets of permissions that the names are kept for."""


def known_key(catalogue: Catalogue, title: str, reader: Reader) -> str:
    """Return the key of a title: as written where the reader may know of such a document, else what
    the short name means.
    """
    key = title_key(title)
    known = any(may_read(reader, entry.document) for entry in catalogue.titled(key))
    return key if known else canonical_key(title)


def known_names(catalogue: Catalogue, reader: Reader) -> Sequence[str]:
    """Return the keys of titles that a question may name, without those of unreadable documents.

    A name that the law package lists is public whether or not a document bears it. Worked out once
    for readers of the same permissions: a base may hold many thousands of documents.
    """
    known = catalogue.names_by_reader
    permissions = readable_by(reader)
    if permissions not in known:
        if len(known) >= MOST_KINDS_OF_READERS:
            known.clear()
        known[permissions] = _names(catalogue, reader)
    return known[permissions]


def _names(catalogue: Catalogue, reader: Reader) -> tuple[str, ...]:
    hidden = {
        title_key(entry.document.title)
        for entry in catalogue.entries
        if not may_read(reader, entry.document)
    }
    hidden = {
        key
        for key in hidden.difference(catalogue.known)
        if not any(may_read(reader, entry.document) for entry in catalogue.titled(key))
    }
    return tuple(name for name in catalogue.lexicon if name not in hidden)
