"""Read the labelled sets, fit, write: what `cspon eval fit-retrieval` does."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.bench.retrieval import read_corpus, read_set
from eval.retrieval_fit.fit import fit
from eval.retrieval_fit.folds import LabelledCorpus
from eval.retrieval_fit.labels import label_exam, read_questions, without_alike
from knowledge_base.ingest.vector_cache import Progress
from llm.embeddings import Embedder


def run(
    *,
    exam: Sequence[Path],
    laws: Path,
    sets: Sequence[tuple[Path, Path]],
    held_out: Sequence[Path],
    out: Path,
    working: Path,
    embedder: Embedder,
    tell: Progress,
) -> dict[str, Any]:
    """Fit what retrieval learns.

    Args:
        exam: Examination questions and question–answer pairs with explanations.
        laws: Folder of laws that they are labelled against.
        sets: Further labelled sets with their corpora; the map and the weights learn from them, the
            memory does not hold them.
        held_out: Retrieval sets over `laws` whose questions, and those like them, are not learned
            from; the map is measured on them.
        out: Folder of the learned files.
        working: Folder for vectors and indexes.
        embedder: Embedder that the map and the memory belong to.
        tell: Progress.

    Raises:
        InputError: a file is missing or wrong.
    """
    kept_out = [text for path in held_out for text, _ in read_set(path)]
    corpora = []
    documents = read_corpus(laws)
    passages = [p for law, _ in documents for p in law.passages]
    index = {name: n for n, name in enumerate(n for _, names in documents for n in names)}
    unseen = {path.stem: read_questions(path, index) for path in held_out}
    questions = without_alike(label_exam(exam, passages), kept_out)
    sources = [("exam", [law for law, _ in documents], questions, laws, True)]
    for path, corpus in sets:
        documents = read_corpus(corpus)
        ids = [name for _, names in documents for name in names]
        found = read_questions(path, {name: n for n, name in enumerate(ids)})
        sources.append((path.stem, [law for law, _ in documents], found, corpus, False))
    for name, texts, asked, corpus, remembered in sources:
        tell(f"{name}：{len(asked)} 个带条文的问句，{sum(len(t.passages) for t in texts)} 条")
        corpora.append(
            LabelledCorpus(
                name,
                texts,
                asked,
                cache=working / (re.sub(r"\W+", "_", str(corpus)) + ".sqlite"),
                embedder=embedder,
                remembered=remembered,
                tell=tell,
            )
        )
    return fit(corpora, unseen, out=out, working=working, tell=tell)
