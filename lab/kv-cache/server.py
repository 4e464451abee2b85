"""A llama.cpp server with a given cache; tells when it is loaded, serves until its standard input ends."""

import json
import sys

import xllamacpp

request = json.loads(sys.stdin.readline())
params = xllamacpp.CommonParams()
params.verbosity = -1
params.model.path = request["model"]
params.hostnames = ["127.0.0.1"]
params.api_keys = [request["key"]]
params.ui = False
params.n_gpu_layers = 0
params.n_parallel = request["slots"]
params.n_ctx = request["slots"] * request["tokens"]  # llama.cpp divides it among the slots
params.kv_unified = False
params.cache_ram_mib = 0  # no copies of earlier prompts beside the cache
params.fit_params = False  # what is asked for, not what fits
params.warmup = False  # nothing is generated: the cache alone is of interest
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
for side in ("cache_type_k", "cache_type_v"):
    setattr(params, side, getattr(xllamacpp.ggml_type, f"GGML_TYPE_{request['type'].upper()}"))
server = xllamacpp.Server(params)
print(json.dumps({"url": server.listening_address}), flush=True)
sys.stdin.read()
