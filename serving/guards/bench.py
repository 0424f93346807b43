"""What the guards cost: microseconds of processor time, the least of several rounds.

`python -m serving.guards.bench` prints them as JSON. One exchange is 1 KiB in and 10 KiB out, with two
values to mask on the way in and three on the way out.
"""

import json
import time
from collections.abc import Callable

from cspon.schemas.base import Secrecy
from serving.guards.inputs import Part, check_input
from serving.guards.outputs import OutputFilter
from serving.guards.policy import read_policies

KIB = 1024
ORDINARY = (
    "项目区位于城关镇，拟占用耕地12.3456公顷，其中水田8.2公顷；根据《中华人民共和国土地管理法》第三十五条，"
    "应当报国务院批准。界址点J1，X=3512345.678，Y=38512345.123。图斑编号330106001002，面积13800.138平方米。\n"
)
ASKED = "申请人王建国，身份号码11010519491231002X，联系电话13800138000，请起草一份预审意见。"
SAID = "已登记【手机号码#1】，另有联系人13912345678，卡号6222021234567890128。"
LEAST_S, ROUNDS = 0.05, 7


def sized(text: str, size: int) -> str:
    """Repeat a text up to a number of bytes of UTF-8."""
    whole = text * (size // len(text.encode()) + 1)
    return whole.encode()[:size].decode("utf-8", "ignore")


def least_us(work: Callable[[], object]) -> float:
    """Return the processor time of one call in microseconds: the least of several rounds."""
    work()
    times = []
    for _ in range(ROUNDS):
        calls, started = 0, time.thread_time()
        while time.thread_time() - started < LEAST_S:
            work()
            calls += 1
        times.append((time.thread_time() - started) / calls)
    return round(min(times) * 1e6, 1)


def measure() -> dict[str, float]:
    """Return the microseconds of each part and of a whole exchange."""
    policy = read_policies().of(Secrecy.INTERNAL)
    plain_in, plain_out = sized(ORDINARY, KIB), sized(ORDINARY, 10 * KIB)
    said = sized(ORDINARY, 5 * KIB) + SAID + sized(ORDINARY, 5 * KIB - len(SAID.encode()))
    asked = ASKED + sized(ORDINARY, KIB - len(ASKED.encode()))
    english = sized("The parcel of 12.3456 ha lies in the county, no. 330106001002. ", 10 * KIB)
    vault = check_input([Part(asked)], policy).vault
    chunks = [said[i : i + 8] for i in range(0, len(said), 8)]

    def whole(text: str) -> Callable[[], object]:
        return lambda: OutputFilter(policy, vault).whole(text)

    def streamed() -> None:
        stream = OutputFilter(policy, vault)
        for chunk in chunks:
            stream.feed(chunk)
        stream.close()

    figures = {
        "input_1kib_ordinary": least_us(lambda: check_input([Part(plain_in)], policy)),
        "input_1kib_masked": least_us(lambda: check_input([Part(asked)], policy)),
        "output_10kib_ordinary": least_us(whole(plain_out)),
        "output_10kib_ascii": least_us(whole(english)),
        "output_10kib_masked": least_us(whole(said)),
        "stream_chunk_of_8": least_us(streamed) / len(chunks),
    }
    figures["exchange"] = figures["input_1kib_masked"] + figures["output_10kib_masked"]
    return {name: round(value, 1) for name, value in figures.items()}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
