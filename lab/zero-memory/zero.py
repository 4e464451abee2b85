"""Model-state memory and traffic per device under ZeRO, after Rajbhandari et al. 2019 (arXiv:1910.02054).

`python zero.py --parameters 7.5e9 --devices 64` prints the table of the paper's figure 1.
"""

import argparse

STAGES = ("data-parallel", "zero-1", "zero-2", "zero-3")
PARAMETER, GRADIENT = 2, 2  # bytes: 16 bits
ADAM = 12  # bytes: a 32-bit copy of the parameter, momentum, variance
# Bytes per device in GB (10^9 bytes) for 7.5e9 parameters on 64 devices, as the paper reports them.
PAPER = {"data-parallel": 120.0, "zero-1": 31.4, "zero-2": 16.6, "zero-3": 1.9}


def states(parameters: float, devices: int, stage: str, optimizer: int = ADAM) -> dict[str, float]:
    """Bytes per device of parameters, gradients and optimizer state; activations and buffers are not model states."""
    level = STAGES.index(stage)
    return {
        "parameters": PARAMETER * parameters / (devices if level >= 3 else 1),
        "gradients": GRADIENT * parameters / (devices if level >= 2 else 1),
        "optimizer": optimizer * parameters / (devices if level >= 1 else 1),
    }


def traffic(parameters: float, devices: int, stage: str) -> float:
    """Bytes that a device sends in a step of one micro-batch, ring collectives, 16-bit elements.

    An all-reduce is a reduce-scatter and an all-gather, each (N - 1)/N of the buffer. Stage 3 gathers the parameters
    twice, for the forward and for the backward pass.
    """
    passes = 3 if stage == "zero-3" else 2
    return passes * PARAMETER * parameters * (devices - 1) / devices


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parameters", type=float, default=7.5e9)
    parser.add_argument("--devices", type=int, default=64)
    options = parser.parse_args()
    for stage in STAGES:
        parts = states(options.parameters, options.devices, stage)
        shown = "  ".join(f"{name} {size / 1e9:6.1f}" for name, size in parts.items())
        sent = traffic(options.parameters, options.devices, stage)
        print(f"{stage:14} {sum(parts.values()) / 1e9:6.1f} GB  ({shown})  sends {sent / 1e9:5.1f} GB a step")


if __name__ == "__main__":
    main()
