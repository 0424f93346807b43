"""The line of the list that is made of an entry's file."""

from collections.abc import Mapping

from tools.library.definitions import Definition
from tools.library.entry import Entry, Header, Kind, Ports
from tools.library.own import shown_path


def listed(
    kind: Kind,
    definition: Definition[Header],
    off: Mapping[str, str],
    *,
    verified: bool,
    inputs: Ports,
    outputs: Ports,
    examples: int,
    group: str = "",
) -> Entry:
    """Make the listed form of an entry.

    Args:
        kind: Library that the entry belongs to.
        definition: What its file says.
        off: Entries of this kind that are switched off, with the reason.
        verified: Whether the entry and all that it is computed with were verified.
        inputs: Ports in.
        outputs: Ports out.
        examples: Number of worked examples.
        group: Heading of the list that it stands under.
    """
    said = definition.said
    return Entry(
        kind=kind,
        id=said.id,
        title=said.title,
        version=said.version,
        enabled=said.id not in off,
        disabled_because=off.get(said.id, ""),
        origin=definition.origin,
        group=group,
        basis=said.basis,
        verified=verified,
        valid_from=said.valid_from,
        valid_to=said.valid_to,
        summary=said.summary,
        inputs=inputs,
        outputs=outputs,
        examples=examples,
        file=shown_path(definition.file, definition.origin),
        sha256=definition.sha256,
    )
