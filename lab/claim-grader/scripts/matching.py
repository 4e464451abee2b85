"""Train the matcher: which tokens of a claim matter, and which tokens of an answer say the same, over the untuned lower half.

As ColBERT (Khattab and Zaharia 2020) with learned token weights, and small on purpose: a low-rank change of the token
vectors, one weight a token, a linear layer over six sums. Public questions only; fold `--held` is left out.
"""

import argparse
import random
import time
from pathlib import Path

import numpy as np
import torch
from data import CAP, COVERED, Row, Texts, folds, load
from metrics import auc, macro_f1
from torch import nn

from agent.adapters.grading.matching import Matchers, rarity


class Late(nn.Module):
    """The trainable twin of `agent.adapters.grading.matching.Matcher`."""

    def __init__(self, rank: int = 48) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(384, rank, bias=False), nn.Linear(rank, 384, bias=False)
        self.claim, self.answer = nn.Linear(384, 1), nn.Linear(384, 1)
        for layer in (self.up, self.claim, self.answer):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.claim.bias)
        nn.init.zeros_(self.answer.bias)
        self.asked = nn.Parameter(torch.tensor([-1.0, -1.0]))
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(6, 3)

    def _weights(self, layer, h, part, asked):
        told = layer(self.drop(nn.functional.normalize(h, dim=-1) * 19))[..., 0].clamp(-3, 3)
        return part["mask"] * part["rare"] * torch.exp(told + asked * part["asked"])

    def forward(self, c: dict, a: dict) -> torch.Tensor:
        """Logits; each side has states (n, t, 384), mask, rare and asked (n, t)."""
        one, two = (nn.functional.normalize(s["h"] + self.up(self.drop(self.down(s["h"]))), dim=-1) for s in (c, a))
        sim = one @ two.transpose(1, 2)
        recall = (sim - 4 * (1 - a["mask"][:, None, :])).amax(2)
        precision = (sim - 4 * (1 - c["mask"][:, :, None])).amax(1)
        wc, wa = (
            self._weights(self.claim, c["h"], c, self.asked[0]),
            self._weights(self.answer, a["h"], a, self.asked[1]),
        )
        flat = c["mask"] * c["rare"]
        x = [
            ((recall * wc).sum(1) / wc.sum(1).clamp(min=1e-3) - 0.55) * 6,
            ((precision * wa).sum(1) / wa.sum(1).clamp(min=1e-3) - 0.6) * 6,
            ((recall * flat).sum(1) / flat.sum(1).clamp(min=1e-3) - 0.55) * 6,
            (-torch.logsumexp(-8 * recall - 80 * (1 - c["mask"]), 1) / 8 - 0.3) * 6,
            torch.log((a["mask"].sum(1) + 1) / (c["mask"].sum(1) + 1)),
            torch.log1p(wa.sum(1)),
        ]
        return self.out(torch.stack(x, 1))

    def arrays(self) -> dict[str, np.ndarray]:
        """By the names of the product's twin; the large ones halved."""
        half = {"down": self.down.weight, "up": self.up.weight}
        whole = {"claim": self.claim.weight[0], "answer": self.answer.weight[0], "asked": self.asked,
                 "bias": torch.cat([self.claim.bias, self.answer.bias]), "out": self.out.weight, "out_bias": self.out.bias}  # fmt: skip
        arrays = {k: v.detach().numpy().astype(np.float16) for k, v in half.items()}
        return arrays | {k: v.detach().numpy().astype(np.float32) for k, v in whole.items()}


class Batches:
    """Padded sides of (question, claim, answer) rows."""

    def __init__(self, texts: Texts) -> None:
        self.texts, self._ids = texts, {}

    def ids(self, text: str) -> np.ndarray:
        if text not in self._ids:
            self._ids[text] = np.array(self.texts._tok.encode(text, add_special_tokens=False).ids[: CAP - 2], np.int64)
        return self._ids[text]

    def __call__(self, triples: list[tuple[str, str, str]]) -> list[dict]:
        sides = []
        for place in (1, 2):
            width = max(1, *(len(self.ids(t[place])) for t in triples))
            h = np.zeros((len(triples), width, 384), np.float32)
            flat = {k: np.zeros((len(triples), width), np.float32) for k in ("mask", "rare", "asked")}
            for i, t in enumerate(triples):
                ids = self.ids(t[place])
                if n := len(ids):
                    h[i, :n] = self.texts._states[t[place]][1 : 1 + n]
                    flat["mask"][i, :n], flat["rare"][i, :n] = 1, rarity(ids)
                    flat["asked"][i, :n] = np.isin(ids, self.ids(t[0]))
            sides.append({"h": torch.from_numpy(h)} | {k: torch.from_numpy(v) for k, v in flat.items()})
        return sides


def scores(model: Late, batches: Batches, rows: list[Row]) -> np.ndarray:
    model.eval()
    out = []
    with torch.inference_mode():
        for i in range(0, len(rows), 128):
            out.append(model(*batches([(r.question, r.claims[0], r.answer) for r in rows[i : i + 128]])))
    return torch.cat(out).numpy()


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--base", type=Path, required=True)
    a.add_argument("--cache", type=Path)
    a.add_argument("--out", type=Path, required=True, help="matching.npz")
    a.add_argument("--held", type=int, default=0, help="-1: none")
    a.add_argument("--steps", type=int, default=300)
    a.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = a.parse_args()
    torch.set_num_threads(1)
    public = load(args.data)
    claimed = [(r, f) for r, f in zip(public, folds(public, 3), strict=True) if r.dataset != "saf_en"]
    train, test = [r for r, f in claimed if f != args.held], [r for r, f in claimed if f == max(0, args.held)]
    batches = Batches(Texts(args.base, args.cache))
    batches.texts.encode([t for r, _ in claimed for t in (r.answer, *r.claims)])
    of_question: dict[str, list[Row]] = {}
    for r in train:
        of_question.setdefault(r.qid, []).append(r)
    members = [fit(batches, of_question, test, args.steps, seed) for seed in args.seeds]
    arrays = [m.arrays() for m in members]
    np.savez_compressed(args.out, **{k: np.stack([a[k] for a in arrays]) for k in arrays[0]})
    matchers = Matchers.load(args.out)
    gold = np.mean([(z := scores(m, batches, test[:50])) - z.mean(1, keepdims=True) for m in members], 0)
    for r, z in zip(test[:50], gold, strict=True):
        states = [(batches.ids(t), batches.texts._states[t][1:-1].astype(np.float32)) for t in (r.claims[0], r.answer)]
        assert np.allclose(matchers(batches.ids(r.question), *states), z, atol=0.05)


def fit(batches: Batches, of_question: dict[str, list[Row]], test: list[Row], steps: int, seed: int) -> Late:
    torch.manual_seed(seed)
    rng = random.Random(seed)
    model = Late()
    free = [p for n, p in model.named_parameters() if not n.startswith("out")]
    opt = torch.optim.AdamW(
        [{"params": free, "weight_decay": 0.05}, {"params": model.out.parameters(), "weight_decay": 0.0}]
    )
    started = time.monotonic()
    for step in range(steps):
        model.train()
        rate = 1 - step / steps
        opt.param_groups[0]["lr"], opt.param_groups[1]["lr"] = 1e-3 * rate, 1e-2 * rate
        rows = [
            r
            for q in rng.sample(sorted(of_question), 16)
            for r in rng.sample(of_question[q], min(12, len(of_question[q])))
        ]
        loss = loss_of(model, batches, rows, rng)
        opt.zero_grad()
        loss.backward()
        opt.step()
    z = scores(model, batches, test)
    s = z[:, 1] - np.logaddexp(z[:, 0], z[:, 2])
    for d in ("scientsbank", "beetle"):
        k = np.array([r.dataset == d for r in test])
        y = np.array([r.label == COVERED for r in test])[k]
        print(
            f"seed {seed} {time.monotonic() - started:.0f}s {d} auc {auc(y, s[k]):.3f} "
            f"2way {macro_f1(y * 1, (s[k] > 0) * 1, 2):.3f}",
            flush=True,
        )
    return model


def loss_of(model: Late, batches: Batches, rows: list[Row], rng: random.Random) -> torch.Tensor:
    """Cross-entropy, and the logistic loss of (covered, other) pairs of one question; any reference may be the claim."""
    drawn = {r.qid: r.claims[0] if rng.random() < 0.6 else rng.choice(r.claims) for r in rows}
    z = model(*batches([(r.question, drawn[r.qid], r.answer) for r in rows]))
    label = torch.tensor([r.label for r in rows])
    s = z[:, 1] - torch.logsumexp(z[:, [0, 2]], 1)
    names = {q: i for i, q in enumerate(sorted({r.qid for r in rows}))}
    group, covered = torch.tensor([names[r.qid] for r in rows]), label == COVERED
    pairs = (group[:, None] == group[None]) & covered[:, None] & ~covered[None]
    loss = nn.functional.cross_entropy(z, label, label_smoothing=0.05)
    return loss + 0.7 * nn.functional.softplus(-(s[:, None] - s[None])[pairs]).mean() if pairs.any() else loss


if __name__ == "__main__":
    main()
