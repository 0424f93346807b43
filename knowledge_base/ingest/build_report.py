"""What a build did, for people and programs."""

from pydantic import Field

from cspon.schemas.base import Frozen


class Failure(Frozen):
    """A file that could not be taken in, and why."""

    path: str
    message: str
    """File, reason and mend in one text."""
    reason: str = ""
    mend: str = ""


class Chunks(Frozen):
    """What became of the passages of the documents that a build touched."""

    kept: int = 0
    """As they were."""
    moved: int = 0
    """The same words at another place or with other metadata: rewritten, not embedded again."""
    added: int = 0
    """New words, of new documents and of changed ones."""
    removed: int = 0
    """Words that are no longer there."""

    def plus(self, other: "Chunks") -> "Chunks":
        """Return the sum."""
        return Chunks(
            kept=self.kept + other.kept,
            moved=self.moved + other.moved,
            added=self.added + other.added,
            removed=self.removed + other.removed,
        )


class BuildReport(Frozen):
    """What a build did."""

    documents: int
    """Documents in the base afterwards."""
    passages: int
    """Passages in the base afterwards."""
    read_documents: int = 0
    read_passages: int = 0
    """What the sources held."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Document ids."""
    unchanged: tuple[str, ...] = ()
    """Documents whose files came again as they are."""
    chunks: Chunks = Chunks()
    embedded: int = 0
    """Vectors computed; the others came from the cache."""
    resumed: int = 0
    """Files that an earlier, unfinished build had read."""
    gaps: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Articles that a source lacks, by document id."""
    failures: tuple[Failure, ...] = ()
    notices: tuple[str, ...] = ()
    seconds: float = 0.0
