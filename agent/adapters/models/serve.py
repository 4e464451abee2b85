"""The process of the embedded model: reads one JSON line of parameters, serves until its standard input ends.

A process of its own, because xllamacpp holds Python's lock while it loads (the terminal would freeze for seconds),
because a load can then be abandoned, and because a crash in native code must not take a quiz with it. It is run as
a file, not imported, so that it needs nothing but xllamacpp.
"""

import json
import sys
from typing import Any

SILENT = -1
PROMPT_CACHE_MIB = 256
"""Memory for the states of earlier prompts (28 KiB a token here): the grader's prefix survives a chat reply."""


def server_params(xllamacpp: Any, request: dict[str, Any]) -> Any:
    """llama.cpp's parameters for one slot on a loopback port of its choice."""
    params = xllamacpp.CommonParams()
    params.verbosity = SILENT
    params.model.path = request["model"]
    params.model_alias = {request["name"]}
    params.hostnames = ["127.0.0.1"]
    params.api_keys = [request["api_key"]]
    params.cors_origins = ""  # no web page has business here
    params.ui = False
    params.n_ctx = request["context"]
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = request["threads"]
    params.cpuparams_batch.n_threads = request["threads"]
    params.cache_ram_mib = PROMPT_CACHE_MIB
    # Weights are repacked for the CPU on load; mapping the file keeps a second copy resident (+0.6 GiB).
    params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    return params


def main() -> None:
    """Load, report `{"url": …}` or `{"error": …}` on one line, then wait for the end of standard input."""
    request = json.loads(sys.stdin.readline())
    try:
        import xllamacpp

        server = xllamacpp.Server(server_params(xllamacpp, request))
        reply = {"url": server.listening_address}
    except ImportError:
        reply = {"error": "missing"}
    except RuntimeError:
        reply = {"error": "unloadable"}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
    if "url" in reply:
        sys.stdin.read()  # ends with the parent, however the parent ends


if __name__ == "__main__":
    main()
