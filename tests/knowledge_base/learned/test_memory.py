import numpy as np
import pytest

from cspon.errors import SetupError
from knowledge_base.learned.memory import QuestionMemory, question_memory, write_memory
from knowledge_base.learned.pairs import pair_hashes

QUESTIONS = ["占用湿地要办什么手续", "乡村建设规划许可证由谁核发", "文物保护单位的建设控制地带"]
CLAUSES = [[("湿地保护法", "19")], [("城乡规划法", "41")], [("文物保护法", "29")]]
VECTORS = np.eye(3, 8, dtype=np.float32)


@pytest.fixture
def memory() -> QuestionMemory:
    return QuestionMemory(VECTORS, [pair_hashes(q) for q in QUESTIONS], CLAUSES)


def test_a_question_like_a_remembered_one_points_to_its_clause(memory):
    recall = memory.recall(VECTORS[1], "谁核发乡村建设规划许可证")
    assert recall.best()[0] == ("城乡规划法", "41")
    assert recall.near["城乡规划法", "41"] == pytest.approx(0.2)
    assert recall.words["城乡规划法", "41"] > 0.5


def test_an_unlike_question_points_nowhere(memory):
    recall = memory.recall(np.eye(1, 8, 7, dtype=np.float32)[0], "公路两侧建筑控制区")
    assert recall.best() == []
    assert recall.near == {}


def test_a_question_can_be_left_out_of_its_own_memory(memory):
    recall = memory.recall(VECTORS[1], QUESTIONS[1], without=1)
    assert ("城乡规划法", "41") not in recall.near


def test_an_empty_memory_says_nothing():
    empty = QuestionMemory(np.empty((0, 8), np.float32), [], [])
    assert empty.recall(VECTORS[0], "任何问题").best() == []


def test_what_is_written_reads_back_without_the_questions(tmp_path, memory):
    path = tmp_path / "memory.npz"
    write_memory(path, VECTORS, QUESTIONS, CLAUSES, "model:1")
    question_memory.cache_clear()
    name, read = question_memory(path)
    assert name == "model:1"
    assert len(read) == 3
    again = read.recall(VECTORS[0], QUESTIONS[0])
    assert again.best() == memory.recall(VECTORS[0], QUESTIONS[0]).best()
    with np.load(path, allow_pickle=False) as data:
        assert set(data.files) == {"embedder", "vectors", "pairs", "starts", "clauses"}
        assert "手续" not in str(data["clauses"])


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "memory.npz"
    path.write_bytes(b"broken")
    question_memory.cache_clear()
    with pytest.raises(SetupError, match="问句记忆"):
        question_memory(path)


def test_no_file_is_no_memory(tmp_path):
    assert question_memory(tmp_path / "absent.npz") is None
