"""Export trunk and upper half as int8 ONNX and compare their logits with the float model's."""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from data import Texts, load
from model import Trunk, Upper
from onnxruntime.quantization import QuantType, quantize_dynamic


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--base", type=Path, required=True)
    a.add_argument("--weights", type=Path, required=True, nargs="+", help="state dicts; several are averaged")
    a.add_argument("--out", type=Path, required=True)
    args = a.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    trunk, upper = Trunk(args.base).eval(), Upper(args.base).eval()
    states = [torch.load(w, weights_only=True) for w in args.weights]
    upper.load_state_dict({k: sum(s[k] for s in states) / len(states) for k in states[0]})
    ids = torch.randint(1000, 2000, (2, 9))
    torch.onnx.export(
        trunk,
        (ids,),
        args.out / "trunk.fp32.onnx",
        input_names=["ids"],
        output_names=["states"],
        dynamic_axes={"ids": {0: "n", 1: "t"}, "states": {0: "n", 1: "t"}},
        opset_version=17,
        dynamo=False,
    )
    parts = torch.tensor([[1, 1, 1, 1, 3, 3, 3, 3, 3], [1, 1, 1, 3, 3, 3, 0, 0, 0]])
    torch.onnx.export(
        upper,
        (trunk(ids), parts),
        args.out / "upper.fp32.onnx",
        input_names=["x", "parts"],
        output_names=["logits"],
        opset_version=17,
        dynamo=False,
        dynamic_axes={"x": {0: "n", 1: "t"}, "parts": {0: "n", 1: "t"}, "logits": {0: "n"}},
    )
    for name in ("trunk", "upper"):
        quantize_dynamic(
            args.out / f"{name}.fp32.onnx",
            args.out / f"{name}.onnx",
            weight_type=QuantType.QInt8,
            per_channel=True,
            extra_options={"MatMulConstBOnly": True},
        )
        print(name, (args.out / f"{name}.onnx").stat().st_size)
    rows = load(args.data)[::40]
    texts = Texts(args.base)
    texts.encode([t for r in rows for t in (r.claims[0], r.answer)])
    x, p = texts.pad([(r.claims[0], "", r.answer) for r in rows[:150]])
    with torch.inference_mode():
        gold = upper(torch.from_numpy(x), torch.from_numpy(p)).numpy()
    session = ort.InferenceSession(str(args.out / "upper.onnx"), providers=["CPUExecutionProvider"])
    quick = session.run(None, {"x": x, "parts": p})[0]
    print(
        "upper int8 against float: mean |difference|",
        np.abs(gold - quick).mean(),
        "same verdict",
        (gold.argmax(1) == quick.argmax(1)).mean(),
    )


if __name__ == "__main__":
    main()
