"""Trains a small network on N simulated devices under one ZeRO stage and counts the bytes that each device holds.

The devices live in one process and exchange arrays by hand, so every byte that is counted is an array's `nbytes`.
What is simulated is the placement and the collectives; kernels, buckets and overlap are not.
"""

import argparse
import json
from collections.abc import Callable

import numpy as np
from zero import PAPER, STAGES, states, traffic

DEVICES, STEPS, BATCH, LAYERS = 8, 20, 16, 6
RATE, BETA1, BETA2, EPSILON, LOSS_SCALE = 1e-3, 0.9, 0.999, 1e-8, 128.0
KINDS = ("parameters", "gradients", "optimizer")


class Device:
    """What one device holds, by kind and name; `peak` is the most bytes of model states, gathered layers included."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], np.ndarray] = {}
        self.sent = 0.0
        self.peak = 0

    def hold(self, kind: str, name: str, array: np.ndarray) -> None:
        self.held[kind, name] = array
        self.peak = max(self.peak, self.size())

    def drop(self, kind: str, name: str) -> None:
        del self.held[kind, name]

    def size(self, kinds: tuple[str, ...] = (*KINDS, "gathered", "unreduced")) -> int:
        return sum(array.nbytes for (kind, _), array in self.held.items() if kind in kinds)


class Cluster:
    """N devices under one stage. Each layer is a flat vector, padded so that it divides into N equal shards."""

    def __init__(self, stage: str, width: int, chunk: int) -> None:
        self.level, self.width, self.chunk = STAGES.index(stage), width, chunk
        self.devices = [Device() for _ in range(DEVICES)]
        random = np.random.default_rng(0)
        self.names = [f"layer {number}" for number in range(LAYERS)]
        self.step_number = 0
        for name in self.names:
            full = random.normal(0, width**-0.5, width * width).astype(np.float32)
            for rank, device in enumerate(self.devices):
                own = self.shard(full, rank)
                device.hold("parameters", name, (own if self.level >= 3 else full).astype(np.float16))
                kept = own if self.level >= 1 else full
                device.hold("optimizer", f"{name}, 32-bit copy", kept.copy())
                device.hold("optimizer", f"{name}, momentum", np.zeros_like(kept))
                device.hold("optimizer", f"{name}, variance", np.zeros_like(kept))

    def shard(self, full: np.ndarray, rank: int) -> np.ndarray:
        part = -(-full.size // DEVICES)
        return np.pad(full, (0, part * DEVICES - full.size))[rank * part : (rank + 1) * part]

    def send(self, nbytes: float, passes: int = 1) -> None:
        """Count a ring collective over a buffer of `nbytes` on every device."""
        for device in self.devices:
            device.sent += passes * nbytes * (DEVICES - 1) / DEVICES

    def weights(self, name: str, use: Callable[[int, np.ndarray], None]) -> None:
        """Give each device the layer's 16-bit matrix; stage 3 gathers it for the time of the use."""
        count = self.width * self.width
        if self.level < 3:
            for rank, device in enumerate(self.devices):
                use(rank, device.held["parameters", name].reshape(self.width, self.width))
            return
        full = np.concatenate([device.held["parameters", name] for device in self.devices])[:count]
        self.send(full.nbytes)
        for rank, device in enumerate(self.devices):
            device.hold("gathered", name, full.copy())
            use(rank, device.held["gathered", name].reshape(self.width, self.width))
            device.drop("gathered", name)

    def reduce(self, name: str, gradients: list[np.ndarray]) -> None:
        """Average a layer's gradients over the devices; from stage 2 on, each keeps its shard only.

        `chunk` rows are held at a time before they are reduced; 0: the whole layer at once.
        """
        if self.level < 2:
            mean = (sum(gradient.astype(np.float32) for gradient in gradients) / DEVICES).astype(np.float16)
            self.send(mean.nbytes, passes=2 if self.level == 0 else 1)
            for device in self.devices:
                device.hold("gradients", name, mean.copy())
            return
        rows = self.chunk or self.width
        parts = []
        for start in range(0, self.width, rows):
            pieces = [gradient[start * self.width : (start + rows) * self.width] for gradient in gradients]
            for device, piece in zip(self.devices, pieces, strict=True):
                device.hold("unreduced", name, piece.copy())
            parts.append((sum(piece.astype(np.float32) for piece in pieces) / DEVICES).astype(np.float16))
            for device in self.devices:
                device.drop("unreduced", name)
        mean = np.concatenate(parts)
        self.send(mean.nbytes)
        for rank, device in enumerate(self.devices):
            device.hold("gradients", name, self.shard(mean, rank).copy())

    def step(self, inputs: list[np.ndarray], targets: list[np.ndarray]) -> float:
        """One step of Adam on the mean squared error; gives the loss over all devices."""
        signals = [[array] for array in inputs]
        for name in self.names:

            def forward(rank: int, weight: np.ndarray) -> None:
                signals[rank].append(np.tanh(signals[rank][-1] @ weight.astype(np.float32)))  # noqa: B023

            self.weights(name, forward)
        errors = [signals[rank][-1] - targets[rank] for rank in range(DEVICES)]
        loss = float(np.mean([np.mean(error**2) for error in errors]))
        back = [2 * error / error.size * LOSS_SCALE for error in errors]
        for number in reversed(range(LAYERS)):
            gradients: list[np.ndarray] = []

            def backward(rank: int, weight: np.ndarray) -> None:
                local = back[rank] * (1 - signals[rank][number + 1] ** 2)  # noqa: B023
                gradients.append((signals[rank][number].T @ local).astype(np.float16).ravel())  # noqa: B023
                back[rank] = local @ weight.astype(np.float32).T

            self.weights(self.names[number], backward)
            self.reduce(self.names[number], gradients)
        self.update()
        return loss

    def update(self) -> None:
        self.step_number += 1
        for name in self.names:
            for rank, device in enumerate(self.devices):
                gradient = device.held["gradients", name].astype(np.float32) / LOSS_SCALE
                if self.level == 1:
                    gradient = self.shard(gradient, rank)
                copy, momentum, variance = (
                    device.held["optimizer", f"{name}, {what}"] for what in ("32-bit copy", "momentum", "variance")
                )
                momentum += (1 - BETA1) * (gradient - momentum)
                variance += (1 - BETA2) * (gradient**2 - variance)
                scale = RATE * (1 - BETA2**self.step_number) ** 0.5 / (1 - BETA1**self.step_number)
                copy -= scale * momentum / (np.sqrt(variance) + EPSILON)
            self.publish(name)

    def publish(self, name: str) -> None:
        """Bring the updated 32-bit values into the 16-bit parameters, wherever those are held."""
        copies = [device.held["optimizer", f"{name}, 32-bit copy"].astype(np.float16) for device in self.devices]
        if self.level in (1, 2):
            full = np.concatenate(copies)[: self.width * self.width]
            self.send(full.nbytes)
            copies = [full.copy() for _ in self.devices]
        for device, copy in zip(self.devices, copies, strict=True):
            device.hold("parameters", name, copy)

    def parameters(self) -> np.ndarray:
        """The whole model as 32-bit values, put together from the shards where there are any."""
        held = [[device.held["optimizer", f"{name}, 32-bit copy"] for device in self.devices] for name in self.names]
        count = self.width * self.width
        return np.concatenate([(np.concatenate(copies) if self.level else copies[0])[:count] for copies in held])


def run(stage: str, width: int, chunk: int) -> tuple[Cluster, float]:
    cluster, random, loss = Cluster(stage, width, chunk), np.random.default_rng(1), float("nan")
    teacher = random.normal(0, width**-0.5, (width, width)).astype(np.float32)
    for _ in range(STEPS):
        inputs = [random.normal(size=(BATCH, width)).astype(np.float32) for _ in range(DEVICES)]
        loss = cluster.step(inputs, [np.tanh(array @ teacher) for array in inputs])
    return cluster, loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=STAGES, required=True)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--chunk", type=int, default=0, help="rows of a layer's gradient reduced at a time; 0: all")
    options = parser.parse_args()
    count = LAYERS * options.width**2
    cluster, loss = run(options.stage, options.width, options.chunk)
    reference, _ = run("data-parallel", options.width, 0)
    predicted = sum(states(count, DEVICES, options.stage).values())
    measured = max(device.size(KINDS) for device in cluster.devices)
    off = float(np.abs(cluster.parameters() - reference.parameters()).max())
    paper = sum(states(7.5e9, 64, options.stage).values()) / 1e9
    print(f"{count:,} parameters, {DEVICES} devices, {STEPS} steps; loss {loss:.4f}")
    for kind in KINDS:
        want = states(count, DEVICES, options.stage)[kind]
        print(f"  {kind:10} predicted {want / 1e6:7.3f} MB, held {cluster.devices[0].size((kind,)) / 1e6:7.3f} MB")
    print(f"  the paper's example (7.5e9 parameters, 64 devices): {paper:.1f} GB, reported {PAPER[options.stage]} GB")
    metrics = {
        "predicted (MB)": predicted / 1e6,
        "held (MB)": measured / 1e6,
        "off (%)": 100 * (measured - predicted) / predicted,
        "peak (MB)": max(device.peak for device in cluster.devices) / 1e6,
        "sent a step (MB)": cluster.devices[0].sent / STEPS / 1e6,
        "sent, predicted (MB)": traffic(count, DEVICES, options.stage) / 1e6,
        "weights differ by (ratio)": off,
        "paper's example (GB)": round(paper, 1),
    }
    print(json.dumps({"metrics": metrics}))


if __name__ == "__main__":
    main()
