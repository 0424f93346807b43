import numpy as np
import pytest

from eval.bm25 import K1, B, Bm25, bigrams, jieba_words

TEXTS = ["永久基本农田不得占用。", "河道管理范围内禁止堆放垃圾。", "农田灌溉设施由村集体管护。"]


def test_bigrams_stay_within_a_run():
    assert bigrams("占用农田，GB 50188") == ["占用", "用农", "农田", "gb", "50188"]
    assert bigrams("田") == ["田"]
    assert bigrams("") == []


def test_jieba_words_are_words_without_punctuation():
    assert "农田" in jieba_words("农田，水利！")
    assert all(w.isalnum() for w in jieba_words("农田，水利！ GB50188"))


def test_the_best_text_comes_first_and_strangers_are_left_out():
    index = Bm25(TEXTS, bigrams)
    assert index.search("占用永久基本农田", 10) == [0, 2]
    assert index.search("堆放垃圾", 1) == [1]
    assert index.search("xyz", 5) == []


def test_a_score_by_hand():
    index = Bm25(["甲乙", "甲乙甲乙", "丙丁"], list)
    idf = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    average = (2 + 4 + 2) / 3
    short = idf * (K1 + 1) / (1 + K1 * (1 - B + B * 2 / average))
    double = idf * 2 * (K1 + 1) / (2 + K1 * (1 - B + B * 4 / average))
    numbers, weights = index._postings["甲"]
    assert numbers.tolist() == [0, 1]
    assert weights == pytest.approx([short, double])
