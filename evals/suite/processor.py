"""The kind of processor: libraries choose their kernels by its instruction sets, and with them the order of sums."""

import platform
from functools import cache
from pathlib import Path

_DECIDE = frozenset(
    "sse4_2 avx avx2 avx_vnni avx512f avx512bw avx512cd avx512dq avx512vl avx512vbmi avx512_vnni avx512_bf16 "
    "avx512_fp16 amx_tile amx_int8 amx_bf16 bmi2 f16c fma "
    "asimd asimdhp asimddp i8mm bf16 sve sve2 sme".split()
)
"""What llama.cpp's and onnxruntime's CPU kernels ask for, in Linux' names; the rest decides no byte."""


@cache
def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """`x86_64 avx avx2 f16c fma`: where this differs, the same model may give other bytes.

    Without /proc/cpuinfo it is the architecture alone, so that two kinds of one architecture look alike.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        lines = []
    # Kinds of cores may differ on one machine; a thread can land on any, so only what all of them have is sure.
    sets = [set(line.partition(":")[2].split()) for line in lines if line.startswith(("flags", "Features"))]
    return " ".join([platform.machine(), *sorted(_DECIDE.intersection(*sets))]) if sets else platform.machine()
