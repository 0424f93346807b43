"""Write a corpus: `python -m eval.review_corpus FOLDER --seed 7 --cases 48`."""

import argparse
from pathlib import Path

from eval.review_corpus.corpus import make_corpus


def main() -> None:
    """Read the arguments and write the corpus."""
    parser = argparse.ArgumentParser(prog="python -m eval.review_corpus", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=48)
    parser.add_argument("--texts", nargs="*", help="names of clean texts; all without it")
    given = parser.parse_args()
    folders = make_corpus(given.folder, given.seed, cases=given.cases, texts=given.texts)
    print(f"{len(folders)} cases in {given.folder}")


if __name__ == "__main__":
    main()
