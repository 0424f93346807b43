"""Which titles exist for a reader: a text that they may not read changes nothing that they see."""

from collections.abc import Sequence

from knowledge_base.access import Reader, may_read
from knowledge_base.catalogue import Catalogue
from knowledge_base.titles import canonical_key, title_key


def known_key(catalogue: Catalogue, title: str, reader: Reader) -> str:
    """Return the key of a title: as written where the reader may know of such a document, else what
    the short name means.
    """
    key = title_key(title)
    known = any(may_read(reader, entry.document) for entry in catalogue.titled(key))
    return key if known else canonical_key(title)


def known_names(catalogue: Catalogue, reader: Reader) -> Sequence[str]:
    """Return the keys of titles that a question may name, without those of unreadable documents.

    A name that the law package lists is public whether or not a document bears it.
    """
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
    return (
        [name for name in catalogue.lexicon if name not in hidden]
        if hidden
        else (catalogue.lexicon)
    )
