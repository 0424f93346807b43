"""A look at what files gave, by whoever takes them in, before it comes into the base."""

from collections.abc import Callable, Sequence

from cspon.errors import InputError
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.ingest.gather import Gathered, failure

Look = Callable[[Document, Sequence[Passage]], Sequence[str]]
"""Looks at a document; returns what the report shall say of it. Raises InputError to keep it out."""


def look_through(gathered: Gathered, look: Look | None) -> None:
    """Keep out what a look refuses, and note what it says of the others; None looks at nothing."""
    if look is None:
        return
    readings, gathered.readings = gathered.readings, []
    for reading in readings:
        document = reading.document
        try:
            gathered.notices += [
                f"{document.source}：{n}" for n in look(document, reading.passages)
            ]
        except InputError as error:
            gathered.failures.append(failure(reading.path, error))
            gathered.settled.append(reading.key)  # nothing of it stays in the journal
        else:
            gathered.readings.append(reading)
