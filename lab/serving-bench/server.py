"""The embedded model's server with several slots: run by `EmbeddedServer`, as its own script is."""

import json
import os
import sys

import xllamacpp

from agent.adapters.models.serve import server_params

request = json.loads(sys.stdin.readline())
slots = int(os.environ["SERVING_SLOTS"])
params = server_params(xllamacpp, request)
params.n_parallel = slots
params.n_ctx = slots * request["context"]  # llama.cpp divides it among the slots
params.kv_unified = False
params.cache_ram_mib = 0  # every request computes its prompt
server = xllamacpp.Server(params)
print(json.dumps({"url": server.listening_address}), flush=True)
sys.stdin.read()
