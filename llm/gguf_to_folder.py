"""Turn a GGUF file into a Hugging Face folder: `python gguf_to_folder.py FILE.gguf FOLDER`.

Runs in an environment that has torch, transformers and gguf (`.venv-vllm`), so it stands alone
and imports nothing of ours. Weights become bfloat16; 1.5 billion parameters take 7 GB of memory.
"""

import importlib
import shutil
import sys
from pathlib import Path


def convert(gguf: Path, folder: Path) -> None:
    """Write the folder whole or not at all."""
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    source = {"gguf_file": gguf.name}
    model = transformers.AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        **source,
        quantization_config=transformers.GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(gguf.parent, **source)
    temporary = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
