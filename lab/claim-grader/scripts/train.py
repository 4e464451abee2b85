"""Fine-tune the cross-encoder; writes out-of-fold logits of unseen questions, and weights where asked."""

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from data import COVERED, Row, Texts, batches, folds, load
from metrics import macro_f1
from model import Relational, Upper
from negatives import contradict
from torch import nn

Item = tuple[str, str, str, tuple[float, float, float], float]


def epoch_items(rows: list[Row], args: argparse.Namespace, rng: random.Random) -> list[Item]:
    """One epoch's (claim, question, answer, target, weight): drawn references, peers' answers, made negatives."""
    good: dict[str, list[str]] = {}
    for r in rows:
        if r.label == COVERED and r.dataset != "saf_en" and 4 <= len(r.answer.split()) <= 40:
            good.setdefault(r.qid, []).append(r.answer)
    by_domain: dict[str, list[Row]] = {}
    for r in rows:
        by_domain.setdefault(r.domain, []).append(r)
    items: list[Item] = []
    for r in rows:
        if r.dataset == "saf_en" and rng.random() < args.saf_skip:
            continue
        claim = r.claims[0] if rng.random() < 0.5 else rng.choice(r.claims)
        question = "" if not args.question or rng.random() < args.qdrop else r.question
        if args.peers and r.qid in good and r.dataset == "scientsbank" and rng.random() < args.peers:
            claim = rng.choice(good[r.qid])
            if claim == r.answer:
                claim = r.claims[0]
        items.append((claim, question, r.answer, r.target, 1.0))
        if args.negatives and r.dataset != "saf_en" and rng.random() < args.negatives:
            pick = rng.random()
            if pick < 0.6 and r.label == COVERED:
                made = contradict(r.answer, rng)
                if made:
                    items.append((claim, question, made, (0.1, 0.0, 0.9), 0.5))
            elif pick < 0.8:
                other = rng.choice(by_domain[r.domain])
                if other.qid != r.qid:
                    items.append((claim, question, other.answer, (0.95, 0.05, 0.0), 0.5))
            elif r.label == COVERED:
                items.append((claim, question, claim, (0.0, 1.0, 0.0), 0.3))
                made = contradict(claim, rng)
                if made:
                    items.append((claim, question, made, (0.1, 0.0, 0.9), 0.5))
    return items


def predict(model: Upper, texts: Texts, rows: list[Row], args: argparse.Namespace) -> np.ndarray:
    """Logits (n, 3) against each row's first reference."""
    pairs = [(r.claims[0], r.question if args.question else "", r.answer) for r in rows]
    texts.encode([t for p in pairs for t in p if t])
    order = sorted(range(len(pairs)), key=lambda i: texts.length(*pairs[i]))
    out = np.zeros((len(rows), 3), np.float32)
    model.eval()
    with torch.inference_mode():
        for i in range(0, len(order), 64):
            take = order[i : i + 64]
            x, parts = texts.pad([pairs[j] for j in take])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out[take] = model(torch.from_numpy(x), torch.from_numpy(parts)).float().numpy()
    return out


def fit(texts: Texts, args: argparse.Namespace, draw) -> Upper:
    """Train on `draw(epoch)` items; the result is the average of the weights over the last steps (EMA)."""
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    model = (Relational if args.relational else Upper)(args.base)
    if args.init:
        state = torch.load(args.init, weights_only=True)
        if args.whole:
            model.load_state_dict(state)
        else:
            model.load_state_dict({k: v for k, v in state.items() if k.startswith(("layers.", "part"))}, strict=False)
    fresh = [p for name, p in model.named_parameters() if not name.startswith("layers.")]
    opt = torch.optim.AdamW(
        [{"params": model.layers.parameters(), "lr": args.lr}, {"params": fresh, "lr": args.lr * 10}],
        weight_decay=0.01,
        fused=True,
    )
    plan = []
    for epoch in range(args.epochs):
        items = draw(epoch, rng)
        pairs = [(c, q, a) for c, q, a, _, _ in items]
        texts.encode([t for p in pairs for t in p if t])
        for take in batches([texts.length(*p) for p in pairs], 32, rng):
            plan.append(([pairs[j] for j in take], [items[j][3] for j in take], [items[j][4] for j in take]))
    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    started = time.monotonic()
    running = 0.0
    for step, (pairs, targets, weights) in enumerate(plan):
        model.train()
        warm = max(1, int(0.06 * len(plan)))
        scale = step / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (len(plan) - warm)))
        for group, base in zip(opt.param_groups, (args.lr, args.lr * 10), strict=True):
            group["lr"] = base * scale
        x, parts = texts.pad(pairs)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(torch.from_numpy(x), torch.from_numpy(parts))
        y = torch.tensor(targets) * (1 - args.smooth) + args.smooth / 3
        loss = (-(y * torch.log_softmax(logits.float(), 1)).sum(1) * torch.tensor(weights)).sum() / sum(weights)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        decay = min(args.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for k, v in model.state_dict().items():
                if v.dtype.is_floating_point:
                    average[k].lerp_(v, 1 - decay)
        running = 0.98 * running + 0.02 * loss.item() if step else loss.item()
        if step % 50 == 0:
            print(f"  step {step}/{len(plan)} loss {running:.3f} {time.monotonic() - started:.0f}s", flush=True)
    model.load_state_dict(average)
    return model


def report(rows: list[Row], logits: np.ndarray, name: str) -> None:
    for d in ("scientsbank", "beetle", "saf_en"):
        take = [i for i, r in enumerate(rows) if r.dataset == d]
        if not take:
            continue
        y = np.array([rows[i].label for i in take])
        z = logits[take] - logits[take].max(1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        two = macro_f1((y == 1).astype(int), (p[:, 1] > 0.5).astype(int), 2)
        line = f"{name} {d} n={len(take)} 2way={two:.3f}"
        if d == "saf_en":
            line += f" r={np.corrcoef(p[:, 1], [rows[i].score for i in take])[0, 1]:.3f}"
        else:
            line += f" 3way={macro_f1(y, p.argmax(1), 3):.3f}"
        print(line, flush=True)


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--base", type=Path, required=True)
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--cache", type=Path, help="file that keeps the trunk's states between runs")
    a.add_argument("--init", type=Path, help="state dict of the intermediate stage")
    a.add_argument("--k", type=int, default=3)
    a.add_argument("--by", default="qid", choices=["qid", "domain"])
    a.add_argument("--fold", type=int, nargs="*", help="folds to run; none: all; -1: train on everything")
    a.add_argument("--train-sets", nargs="*", default=["scientsbank", "beetle", "saf_en"])
    a.add_argument("--epochs", type=int, default=2)
    a.add_argument("--lr", type=float, default=5e-5)
    a.add_argument("--threads", type=int, default=1, help="one is fastest while other work shares the cores")
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--smooth", type=float, default=0.1)
    a.add_argument("--ema", type=float, default=0.995)
    a.add_argument("--qdrop", type=float, default=0.2)
    a.add_argument("--peers", type=float, default=0.35)
    a.add_argument("--negatives", type=float, default=0.4)
    a.add_argument("--saf-skip", type=float, default=0.6)
    a.add_argument("--question", action="store_true", help="the question's tokens beside the claim's")
    a.add_argument("--relational", action="store_true", help="the head sees alignment only, no mean vectors")
    a.add_argument("--save", action="store_true")
    args = a.parse_args()
    args.whole = False
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "args.json").write_text(json.dumps({k: str(v) for k, v in vars(args).items()}))
    rows = load(args.data)
    texts = Texts(args.base, args.cache)
    if args.cache and not args.cache.exists():
        texts.encode([t for r in rows for t in (r.answer, *r.claims)])
        texts.save(args.cache)
    fold = folds(rows, args.k, args.by)
    for f in args.fold if args.fold else range(args.k):
        train = [r for r, x in zip(rows, fold, strict=True) if x != f and r.dataset in args.train_sets]
        model = fit(texts, args, lambda _, rng, t=train: epoch_items(t, args, rng))
        if args.save or f == -1:
            torch.save(model.state_dict(), args.out / f"fold{f}.pt")
        test = [i for i, x in enumerate(fold) if x == f]
        if test:
            logits = predict(model, texts, [rows[i] for i in test], args)
            np.savez(args.out / f"fold{f}.npz", index=np.array(test), logits=logits)
            report([rows[i] for i in test], logits, f"{args.out.name} fold {f}")


if __name__ == "__main__":
    main()
