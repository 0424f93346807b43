"""Partition files with unstructured, offline, and say how much CPU each type took.

A script for an interpreter that has unstructured (our own need not): reads a JSON object of paths by
type on standard input, prints `{type: {cpu_s, files, elements}}` or `{type: {why}}`. Nothing of this
project is imported.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

os.environ.update(SCARF_NO_ANALYTICS="true", DO_NOT_TRACK="1", HF_HUB_OFFLINE="1")


PARTITIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "docx": ("docx", "partition_docx", {}),
    "xlsx": ("xlsx", "partition_xlsx", {}),
    "html": ("html", "partition_html", {}),
    "md": ("md", "partition_md", {}),
    "txt": ("text", "partition_text", {}),
    "pdf": ("pdf", "partition_pdf", {"strategy": "fast"}),
}


def _offline_sentences() -> None:
    """Replace the English spaCy model, which would be fetched, by one that cuts at punctuation."""
    model = import_module("spacy").blank("xx")
    model.add_pipe("sentencizer", config={"punct_chars": list("。！？；.!?")})
    tokenize: Any = import_module("unstructured.nlp.tokenize")
    tokenize._load_spacy_model = lambda *given, **named: model


def _partition(kind: str, path: str) -> Any:
    if kind not in PARTITIONS:
        raise NotImplementedError("unstructured 的文字识别需要从模型仓库下载模型")
    module, function, options = PARTITIONS[kind]
    partition = getattr(import_module(f"unstructured.partition.{module}"), function)
    return partition(path, languages=["zho"], **options)


def _measure(files: dict[str, list[str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, paths in files.items():
        try:
            _partition(kind, paths[0])  # imports and first-call costs are not counted
            begun, elements = time.process_time(), 0
            for path in paths:
                elements += len(_partition(kind, path))
            yield (
                kind,
                {
                    "cpu_s": time.process_time() - begun,
                    "files": len(paths),
                    "elements": elements,
                },
            )
        except Exception as error:  # noqa: BLE001 - a missing part of it is a reason, not a failure
            yield kind, {"why": f"{type(error).__name__}: {str(error)[:200]}"}


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        _offline_sentences()
        measured = dict(_measure(wanted))
    except ImportError as error:
        measured = {kind: {"why": f"没有安装 unstructured（{error}）"} for kind in wanted}
    json.dump(measured, out)
