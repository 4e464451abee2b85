"""Features from the frozen MiniLM (no fine-tuning): cosines and token alignment of claim and answer."""

import argparse
from pathlib import Path

import numpy as np
import torch
from data import load
from tokenizers import Tokenizer
from transformers import AutoModel

NAMES = ["cos", "cos_free", "cos_qa", "question_cos", "claim_question_cos"] + [
    f"{kind}{layer}" for layer in (3, 6) for kind in ("recall", "free_recall", "low_recall", "precision", "free_precision")
]


def encode(texts: list[str], tok: Tokenizer, base: Path) -> dict[str, tuple[list[int], dict[int, np.ndarray]]]:
    """For each text its token ids and, for layers 3 and 6, unit token vectors (n, 384) without specials."""
    model = AutoModel.from_pretrained(str(base), add_pooling_layer=False).eval()
    out = {}
    texts = sorted(set(texts), key=len)
    for i in range(0, len(texts), 48):
        batch = texts[i : i + 48]
        ids = [[101, *tok.encode(t, add_special_tokens=False).ids[:200], 102] for t in batch]
        width = max(map(len, ids))
        x = torch.tensor([a + [0] * (width - len(a)) for a in ids])
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            h = model(input_ids=x, attention_mask=(x != 0).long(), output_hidden_states=True).hidden_states
        for j, t in enumerate(batch):
            n = len(ids[j])
            layers = {k: h[k][j, 1 : n - 1].float().numpy().astype(np.float16) for k in (3, 6)}
            mean = h[6][j, :n].float().mean(0).numpy()
            out[t] = (ids[j][1:-1], layers, mean / np.linalg.norm(mean))
    return out


def unit(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float32)
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-6)


def token_weight(ids: list[int]) -> np.ndarray:
    """Rank weighting: WordPiece ids grow with rarity; ids under 2,100 are letters, signs and glue words."""
    r = np.maximum(np.array(ids) - 1900, 50)
    return 0.1 + 0.9 * np.minimum(1, np.log(r / 50) / np.log(562))


def row(q, c, a, qa) -> list[float]:
    (qi, ql, qm), (ci, cl, cm), (ai, al, am), (_, _, qam) = q, c, a, qa
    free_c, free_a = cm - (cm @ qm) * qm, am - (am @ qm) * qm
    norm = max(1e-6, float(np.linalg.norm(free_c) * np.linalg.norm(free_a)))
    out = [cm @ am, free_c @ free_a / norm, cm @ qam, am @ qm, cm @ qm]
    if not len(ai) or not len(ci):
        return [float(v) for v in out] + [0.0] * 10
    cw, aw = token_weight(ci), token_weight(ai)
    cf = cw * ~np.isin(ci, qi)
    af = aw * ~np.isin(ai, qi)
    for k in (3, 6):
        sim = unit(cl[k]) @ unit(al[k]).T
        r, p = sim.max(1), sim.max(0)
        out += [
            (r * cw).sum() / cw.sum(),
            (r * cf).sum() / cf.sum() if cf.sum() > 0 else (r * cw).sum() / cw.sum(),
            np.sort(r)[: max(1, len(r) // 4)].mean(),
            (p * aw).sum() / aw.sum(),
            (p * af).sum() / af.sum() if af.sum() > 0 else 0.0,
        ]
    return [float(v) for v in out]


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--base", type=Path, required=True)
    a.add_argument("--out", type=Path, required=True)
    args = a.parse_args()
    torch.set_num_threads(1)
    tok = Tokenizer.from_file(str(args.base / "tokenizer.json"))
    tok.no_truncation()
    tok.no_padding()
    rows = load(args.data)
    texts = [t for r in rows for t in (r.question, r.claims[0], r.answer, r.question + " " + r.answer)]
    enc = encode(texts, tok, args.base)
    np.save(args.out, np.array([row(enc[r.question], enc[r.claims[0]], enc[r.answer], enc[r.question + " " + r.answer]) for r in rows], np.float32))


if __name__ == "__main__":
    main()
