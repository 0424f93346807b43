"""The embedded engine's process: `python -m llm.embedded_server --model FILE --alias NAME --port N`.

Serves a GGUF file on 127.0.0.1 through llama.cpp's own server (the package xllamacpp) until it is
asked to end. Started by `llm.embedded`; logs to stderr.
"""

import argparse
import os
import signal
import sys
import threading

IDLE_S = 1800
"""Seconds without a request after which the model leaves memory; the next request loads it again."""

PROMPT_CACHE_MIB = 512
"""Memory for prompts that were read before; enough for dozens of our short ones."""


def main() -> int:
    """Load the model, serve it, and end on SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--context", type=int, default=4096, help="tokens of one request")
    parser.add_argument("--parallel", type=int, default=2, help="requests served side by side")
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()

    # read when OpenMP is loaded: threads that spin at its barriers starve each other as soon as
    # another process wants the cores (1 to 2 tokens/s instead of 20 to 50 in the small model)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = {options.alias}
    params.hostnames = [options.host]
    params.port = options.port
    params.n_ctx = options.context * options.parallel
    params.n_parallel = options.parallel
    params.cpuparams.n_threads = options.threads
    params.cache_prompt = True
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.sleep_idle_seconds = IDLE_S
    params.fit_params = False
    params.offline = True
    params.ui = False
    params.endpoint_slots = False
    params.endpoint_metrics = True
    params.cors_origins = "http://127.0.0.1"

    ended = threading.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wish, lambda *_: ended.set())
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        print(f"server did not start: {error}", file=sys.stderr)
        return 1
    ended.wait()
    del server
    return 0


if __name__ == "__main__":
    sys.exit(main())
