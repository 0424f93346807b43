"""vLLM servers for tests: one core each, killed with all they started; and what of two replies must be equal."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from llm import vllm

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "var" / "models" / "hf" / "smollm2-135m"
PYTHON = vllm.ENVIRONMENT / "bin" / "python"
CONTEXT = 2048
ADAPTER = """
import json, sys, torch
from pathlib import Path
from safetensors.torch import save_file

base, folder = Path(sys.argv[1]), Path(sys.argv[2])
facts = json.loads((base / "config.json").read_text())
wide, rank = facts["hidden_size"], 8
torch.manual_seed(6)
tensors = {}
for layer in range(facts["num_hidden_layers"]):
    place = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
    tensors[f"{place}.lora_A.weight"] = torch.randn(rank, wide) * 0.02
    tensors[f"{place}.lora_B.weight"] = torch.randn(wide, rank) * 0.5
folder.mkdir()
save_file(tensors, folder / "adapter_model.safetensors")
(folder / "adapter_config.json").write_text(json.dumps({
    "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 16,
    "lora_dropout": 0.0, "bias": "none", "target_modules": ["q_proj"],
    "base_model_name_or_path": base.name,
}))
"""


def missing():
    """Say what is not there to run vLLM; empty: nothing."""
    if not (vllm.ENVIRONMENT / ".complete").exists():
        return "no .venv-vllm: tests/llm/test_vllm.py installs it"
    return "" if (FOLDER / "config.json").exists() else f"no {FOLDER.relative_to(ROOT)}"


def make_adapter(folder):
    """Write a LoRA adapter in peft's format: random weights of a fixed seed, unlike the base model's."""
    subprocess.run([PYTHON, "-c", ADAPTER, FOLDER, folder], check=True)
    return folder


def chat_arguments(adapter):
    """Return the options of a chat server with an adapter and with tools."""
    return [
        "--enable-lora", "--max-lora-rank", "8", "--lora-modules", f"plan-lora={adapter}",
        "--enable-auto-tool-choice", "--tool-call-parser", "hermes",
    ]  # fmt: skip


class Replica:
    """A vLLM server.

    Args:
        name: Of the model.
        port: Where it listens.
        core: Which of this machine's.
        log: Its output.
        more: Further options.
    """

    def __init__(self, name: str, port: int, core: int, log: Path, more: list[str]) -> None:
        command = vllm.cpu_command(FOLDER, PYTHON, name=name, port=port, context=CONTEXT)
        cores = sorted(os.sched_getaffinity(0))
        environment = {
            **os.environ, **vllm.OFFLINE, "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": str(cores[core % len(cores)]),
        }  # fmt: skip
        self.url, self._log = f"http://127.0.0.1:{port}/v1", log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                ["nice", "-n", "15", *command, *more],
                env=environment, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    def await_ready(self) -> None:
        """Wait until it answers."""
        end = time.monotonic() + vllm.READY_S
        while not self.answers():
            told = self._log.read_text(errors="replace")[-2000:]
            assert self.process.poll() is None and time.monotonic() < end, told
            time.sleep(0.5)

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            return httpx.get(f"{self.url}/models", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def count(self, name: str) -> float:
        """Return a metric, summed over its labels."""
        text = httpx.get(self.url.removesuffix("/v1") + "/metrics", timeout=10).text
        lines = [line for line in text.splitlines() if line.startswith(f"vllm:{name}{{")]
        assert lines, f"vLLM tells no {name}"
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def kill(self) -> None:
        """End it and all that it started, at once."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.1)


def facts_of(raw: bytes) -> object:
    """Return a reply without what no two replies share."""
    said = json.loads(raw)
    for name in ("id", "created"):
        del said[name]
    for choice in said["choices"]:
        for call in (choice.get("message") or {}).get("tool_calls") or ():
            del call["id"]
    return said


def told(stream: Any) -> tuple[dict[int, list[Any]], Any]:
    """Put a stream together: texts, arguments, probabilities and ends by choice, and the usage."""
    found: dict[int, list[Any]] = {}
    usage = None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            mine = found.setdefault(choice.index, ["", "", [], None])
            delta = choice.delta if hasattr(choice, "delta") else choice
            mine[0] += getattr(delta, "content", None) or getattr(delta, "text", None) or ""
            for call in getattr(delta, "tool_calls", None) or ():
                mine[1] += call.function.arguments or ""
            if choice.logprobs is not None and hasattr(choice, "delta"):
                mine[2] += [(token.token, token.logprob) for token in choice.logprobs.content]
            mine[3] = choice.finish_reason or mine[3]
    return found, usage
