"""Train the encoder's upper half on public and hand-written rows together, grouped by claim.

A batch holds several answers to each of its claims, so that a truthful answer is also compared with the false ones
beside it (a pairwise loss): what a question or a topic makes likely falls out of that comparison. Rows of public fold
`--held` and of the held-out notes and domains are never trained on; their logits are written for the head.
Runs can be stopped: a checkpoint is kept every hundred steps, and the same command goes on from it.
"""

import argparse
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from data import CONTRADICTED, COVERED, Row, Texts, folds, halves, held_out, load, load_domains, load_notes
from metrics import auc, macro_f1
from model import Upper
from negatives import contradict, exchanged, heap
from torch import nn

from agent.adapters.grading.prepare import asked_part

FALSE, EXCHANGED, ABSENT = (0.1, 0.0, 0.9), (0.25, 0.05, 0.7), (0.97, 0.03, 0.0)
TRUE = (0.0, 1.0, 0.0)
GROUP = 8
"""Answers to one claim in a batch, at most."""
Item = tuple[str, str, str, tuple[float, float, float], float]


def public_groups(
    rows: list[Row], rng: random.Random, cap: int, turned: bool = True, by_rule: bool = True
) -> list[list[Item]]:
    """Up to `cap` answers of each question, cut into groups; each group has one of the references as its claim."""
    by_question: dict[str, list[Row]] = {}
    for r in rows:
        by_question.setdefault(r.qid, []).append(r)
    out = []
    for some in by_question.values():
        saf = some[0].dataset == "saf_en"
        take = rng.sample(some, min(len(some), 8 if saf else cap))
        good = [r.answer for r in some if r.label == COVERED and 4 <= len(r.answer.split()) <= 30 and not saf]
        for at in range(0, len(take), GROUP - 2):
            group = take[at : at + GROUP - 2]
            claim = group[0].claims[0] if rng.random() < 0.6 else rng.choice(group[0].claims)
            if good and rng.random() < 0.2:
                claim = rng.choice(good)
            items = [(claim, r.question, r.answer, r.target, 0.6 if saf else 1.0) for r in group if r.answer != claim]
            for r in group:
                if not turned or saf or r.label != COVERED or rng.random() > 0.35:
                    continue
                made = contradict(r.answer, rng)
                items += [(claim, r.question, made, FALSE, 0.5)] if made else []
            if by_rule and not saf and rng.random() < 0.3:
                other = rng.choice(rows)
                if other.qid != group[0].qid and other.dataset != "saf_en":
                    items.append((claim, group[0].question, other.answer, (0.95, 0.05, 0.0), 0.5))
            out.append(items)
    return out


def hand_groups(
    rows: list[Row], rng: random.Random, made_share: float, turned: bool = True, by_rule: bool = True
) -> list[list[Item]]:
    """All answers to each claim with rule-made falsehoods, sometimes with an answer in the claim's place."""
    by_claim: dict[str, list[Row]] = {}
    by_domain: dict[str, list[Row]] = {}
    for r in rows:
        by_claim.setdefault(r.qid, []).append(r)
        by_domain.setdefault(r.domain, []).append(r)
    out = []
    for some in by_claim.values():
        question, claim = some[0].question, some[0].claims[0]
        true = [r.answer for r in some if r.label == COVERED]
        false = [r.answer for r in some if r.label == CONTRADICTED]
        pick = rng.random()
        items: list[Item] = []
        if true and false and pick < 0.12:
            # A falsehood as the claim: what is true contradicts it, so that facts cannot be learned by heart.
            claim = rng.choice(false)
            items += [(claim, question, t, (0.05, 0.0, 0.95), 0.7) for t in true]
            items.append((claim, question, claim, TRUE, 0.3))
            items += [(claim, question, r.answer, r.target, 0.7) for r in some if r.label == 0]
        else:
            if len(true) > 1 and pick < 0.35:
                claim = rng.choice(true)
            items += [(claim, question, r.answer, r.target, 1.0) for r in some if r.answer != claim]
            for answer in [*true, claim] if turned else ():
                if rng.random() < made_share:
                    made = contradict(answer, rng)
                    items += [(claim, question, made, FALSE, 0.6)] if made else []
                if rng.random() < 0.12:
                    made = exchanged(answer, rng)
                    items += [(claim, question, made, EXCHANGED, 0.4)] if made else []
            if by_rule and rng.random() < 0.2:
                items.append((claim, question, heap(rng.choice([claim, *true]), rng), ABSENT, 0.6))
            if rng.random() < 0.2:
                items.append((claim, question, claim, TRUE, 0.3))
            for pool in (by_domain[some[0].domain], rows) if by_rule else ():
                other = rng.choice(pool)
                if other.qid != some[0].qid and other.label == COVERED:
                    items.append((claim, question, other.answer, ABSENT, 0.7))
        rng.shuffle(items)
        out += [items[at : at + GROUP] for at in range(0, len(items), GROUP)]
    return out


def packed(groups: list[list[Item]], texts: Texts, rng: random.Random, budget: int) -> list[list[list[Item]]]:
    """Batches of whole groups of like length, each of about `budget` tokens with padding."""
    width = [max(texts.length(*i[:3]) for i in g) for g in groups]
    order = list(range(len(groups)))
    rng.shuffle(order)
    out = []
    for at in range(0, len(order), 240):
        batch, rows, most = [], 0, 0
        for j in sorted(order[at : at + 240], key=lambda j: width[j]):
            if batch and (rows + len(groups[j])) * max(most, width[j]) > budget:
                out.append(batch)
                batch, rows, most = [], 0, 0
            batch.append(groups[j])
            rows, most = rows + len(groups[j]), max(most, width[j])
        out.append(batch)
    rng.shuffle(out)
    return out


def loss_of(logits: torch.Tensor, batch: list[list[Item]], smooth: float, pairwise: float) -> torch.Tensor:
    """Cross-entropy of the soft targets, and for each claim the logistic loss of every (covered, other) pair."""
    flat = [i for g in batch for i in g]
    weight = torch.tensor([i[4] for i in flat])
    y = torch.tensor([i[3] for i in flat]) * (1 - smooth) + smooth / 3
    z = logits.float()
    point = (-(y * torch.log_softmax(z, 1)).sum(1) * weight).sum() / weight.sum()
    if not pairwise:
        return point
    score = z[:, 1] - torch.logsumexp(z[:, [0, 2]], 1)
    group = torch.tensor([k for k, g in enumerate(batch) for _ in g])
    covered = torch.tensor([i[3][1] for i in flat])
    gap = covered[:, None] - covered[None, :]
    pairs = (group[:, None] == group[None, :]) & (gap > 0.4)
    if not pairs.any():
        return point
    strength = (gap * weight[:, None] * weight[None, :])[pairs]
    far = nn.functional.softplus(-(score[:, None] - score[None, :])[pairs])
    return point + pairwise * (far * strength).sum() / strength.sum()


def predict(model: Upper, texts: Texts, pairs: list[tuple[str, str, str]]) -> np.ndarray:
    """Logits (n, 3) of (claim, question, answer)."""
    texts.encode([t for p in pairs for t in p if t])
    order = sorted(range(len(pairs)), key=lambda i: texts.length(*pairs[i]))
    out = np.zeros((len(pairs), 3), np.float32)
    model.eval()
    with torch.inference_mode():
        for i in range(0, len(order), 48):
            take = order[i : i + 48]
            x, parts = texts.pad([pairs[j] for j in take])
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=halves()):
                out[take] = model(torch.from_numpy(x), torch.from_numpy(parts)).float().numpy()
    return out


def by_style(rows: list[Row], logits: np.ndarray, name: str) -> None:
    """AUC of covered against each style, over all claims and within claims."""
    score = logits[:, 1] - np.logaddexp(logits[:, 0], logits[:, 2])
    y = np.array([r.label == COVERED for r in rows])
    style = np.array([r.id.rsplit("/", 2)[1] for r in rows])
    parts = [
        f"{s} {auc(y[k], score[k]):.3f}" for s in sorted(set(style[~y])) for k in [np.flatnonzero(y | (style == s))]
    ]
    keep: dict[str, list[int]] = {}
    for i, r in enumerate(rows):
        keep.setdefault(r.qid, []).append(i)
    won = [score[i] > score[j] for k in keep.values() for i in k for j in k if y[i] and rows[j].label == CONTRADICTED]
    print(
        f"{name} n={len(rows)} auc={auc(y, score):.3f} {' '.join(parts)} within-claim true>false {np.mean(won):.3f}",
        flush=True,
    )


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


def measure(model: Upper, texts: Texts, public: list[Row], hand: list[Row], question: bool, name: str):
    """Print held-out figures; logits of both lists."""
    found = []
    for rows in (public, hand):
        pairs = [(r.claims[0], asked_part(r.question) if question else "", r.answer) for r in rows]
        found.append(predict(model, texts, pairs))
    report(public, found[0], name)
    for d in ("scientsbank", "beetle"):
        k = [i for i, r in enumerate(public) if r.dataset == d]
        z = found[0][k]
        y = np.array([public[i].label == COVERED for i in k])
        print(f"{name} {d} auc={auc(y, z[:, 1] - np.logaddexp(z[:, 0], z[:, 2])):.3f}")
    for d in sorted({r.dataset for r in hand}):
        k = [i for i, r in enumerate(hand) if r.dataset == d]
        by_style([hand[i] for i in k], found[1][k], f"{name} {d}")
    return found


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--answers", type=Path, default=Path(__file__).parents[1] / "data/answers")
    a.add_argument("--domains", type=Path, default=Path(__file__).parents[1] / "data/domains")
    a.add_argument("--tracks", type=Path, default=Path(__file__).parents[3] / "tracks")
    a.add_argument("--base", type=Path, required=True)
    a.add_argument("--init", type=Path, nargs="*", help="state dicts of earlier stages; several are averaged")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--cache", type=Path, help="trunk states kept between runs")
    a.add_argument("--held", type=int, default=0, help="public fold of three left out; -1: none")
    a.add_argument("--every", type=int, default=6, help="each sixth note and domain is left out; 0: none")
    a.add_argument("--steps", type=int, default=1500)
    a.add_argument("--budget", type=int, default=2000, help="tokens of a batch")
    a.add_argument("--cap", type=int, default=18, help="answers of a public question in a pass")
    a.add_argument("--lr", type=float, default=1e-4)
    a.add_argument("--pairwise", type=float, default=0.5)
    a.add_argument("--made", type=float, default=0.4)
    a.add_argument("--no-falsehoods", action="store_true", help="no falsehoods made by rule; heaps and other answers stay")
    a.add_argument("--no-negatives", action="store_true", help="no falsehoods, heaps or other answers made by rule")
    a.add_argument("--qshare", type=float, default=0.5, help="share of batches that see the question")
    a.add_argument("--smooth", type=float, default=0.06)
    a.add_argument("--ema", type=float, default=0.997)
    a.add_argument("--hand", type=int, default=1, help="passes over hand-written rows for one over the public ones")
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--look", type=int, default=400, help="steps between held-out figures")
    args = a.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    public = load(args.data)
    fold = folds(public, 3)
    hand = hand_rows(args)
    out_of = held_out(hand, args.every)
    test_public = [r for r, f in zip(public, fold, strict=True) if f == max(0, args.held)]
    test_hand = [r for r, h in zip(hand, out_of, strict=True) if h]
    seen_public = [r for r, f in zip(public, fold, strict=True) if f != args.held]
    seen_hand = [r for r, h in zip(hand, out_of, strict=True) if not h]
    print(
        f"train {len(seen_public)} public, {len(seen_hand)} hand; held {len(test_public)}, {len(test_hand)}", flush=True
    )
    texts = Texts(args.base, args.cache)
    train(args, texts, seen_public, seen_hand, test_public, test_hand)


def hand_rows(args) -> list[Row]:
    rows = load_notes(args.answers, args.tracks)
    return rows + load_domains(args.domains) if args.domains.exists() else rows


def train(args, texts, seen_public, seen_hand, test_public, test_hand) -> None:
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    model = Upper(args.base)
    if args.init:
        states = [torch.load(path, weights_only=True) for path in args.init]
        model.load_state_dict({k: sum(s[k] for s in states) / len(states) for k in states[0]})
    heads = [p for n, p in model.named_parameters() if not n.startswith("layers.")]
    opt = torch.optim.AdamW(
        [{"params": model.layers.parameters()}, {"params": heads}], lr=args.lr, weight_decay=0.02, fused=True
    )
    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    keep = args.out / "checkpoint.pt"
    first = 0
    if keep.exists():
        state = torch.load(keep, weights_only=False)
        model.load_state_dict(state["model"])
        opt.load_state_dict(state["opt"])
        average, first = state["average"], state["step"]
        print(f"goes on from step {first}", flush=True)
    started, running, step = time.monotonic(), 0.0, 0
    by_rule = not args.no_negatives
    turned = by_rule and not args.no_falsehoods
    while step < args.steps:
        groups = public_groups(seen_public, rng, args.cap, turned, by_rule)
        for _ in range(args.hand):
            groups += hand_groups(seen_hand, rng, args.made, turned, by_rule)
        cut = []
        for g in groups:
            sees = rng.random() < args.qshare
            g = [(c, asked_part(q) if sees else "", s, t, w) for c, q, s, t, w in g]
            cut += [g] if g else []
        texts.encode([t for g in cut for i in g for t in i[:3] if t])
        if args.cache and not args.cache.exists():
            texts.save(args.cache)
        for batch in packed(cut, texts, rng, args.budget):
            if step >= args.steps:
                break
            if step >= first:
                loss = one_step(args, model, opt, average, texts, batch, step)
                running = 0.98 * running + 0.02 * loss if running else loss
                if step % 50 == 0:
                    print(
                        f"  step {step}/{args.steps} loss {running:.3f} {time.monotonic() - started:.0f}s", flush=True
                    )
            step += 1
            if step > first and step % 100 == 0:
                fresh = keep.with_suffix(".new")
                torch.save(
                    {"model": model.state_dict(), "opt": opt.state_dict(), "average": average, "step": step}, fresh
                )
                fresh.replace(keep)
            if step > first and (step % args.look == 0 or step == args.steps):
                look = Upper(args.base)
                look.load_state_dict(average)
                torch.save(average, args.out / "upper.pt")
                name = f"{args.out.name} step {step}"
                some = test_public if step == args.steps else test_public[::3]
                for question in [False, True] if args.qshare else [False]:
                    found = measure(look, texts, some, test_hand, question, f"{name}{' +question' if question else ''}")
                    if step == args.steps:
                        np.savez(
                            args.out / f"held{'_question' if question else ''}.npz", public=found[0], hand=found[1]
                        )


def one_step(args, model, opt, average, texts, batch, step: int) -> float:
    model.train()
    warm = min(100, args.steps // 10)
    scale = step / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, args.steps - warm)))
    opt.param_groups[0]["lr"], opt.param_groups[1]["lr"] = args.lr * scale, args.lr * 5 * scale
    # Dropout draws depend on the step alone, so that a run that was stopped goes on as it would have.
    torch.manual_seed(args.seed * 100_003 + step)
    x, parts = texts.pad([i[:3] for g in batch for i in g])
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=halves()):
        logits = model(torch.from_numpy(x), torch.from_numpy(parts))
    loss = loss_of(logits, batch, args.smooth, args.pairwise)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    decay = min(args.ema, (1 + step) / (10 + step))
    with torch.no_grad():
        for k, v in model.state_dict().items():
            average[k].lerp_(v, 1 - decay)
    return loss.item()


if __name__ == "__main__":
    main()
