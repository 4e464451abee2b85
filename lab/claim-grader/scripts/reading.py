"""Read the embedded model's next token, and fit the head of the second opinion on it.

`build` writes the rows: public and hand-written answers, and truthful ones with a word turned, each with the shipped small
judge's probabilities. `held` are those that its encoder never saw (its head, some twenty numbers, was fitted on them).
`extract` computes the last hidden state after the product's prompt from the GGUF file, dequantized to bfloat16: twice as
fast here as llama.cpp row by row, since answers to one claim share a prefix and a batch. It appends a file for each
few hundred rows, held-out claims first, in a fixed random order: a run that was stopped is a fair sample, and the next one goes on.
`fit` fits a logistic regression to the scores of a fixed set of tokens, and weighs it against the small judge on the rows
held out; both are cross-fitted by whole questions, notes and fields. `--write` fits on all rows and writes the head.
"""

import argparse
import hashlib
import json
import random
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

FOLDS = 5
STRENGTHS = (0.0001, 0.0003, 0.001, 0.003)
"""Inverse ridge of the first regression, chosen within the folds that it is fitted on."""
TOKENS = 1200
SETS = ("scientsbank", "beetle", "notes", "domains", "made")
"""made: one word of a truthful answer, or of the claim, turned (negatives.py)."""
HAND = ("notes", "domains")
CLAIMS_TURNED = 0.35
BATCH = 16
PARTS = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
WHOLE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def hash_of(text: str) -> int:
    """A number that stays the same between runs."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def build(args: argparse.Namespace) -> None:
    """Write the rows: `open` are those that the product would ask about, with probabilities before the rules."""
    from data import COVERED, CONTRADICTED, folds, held_out, load, load_domains, load_notes
    from negatives import contradict

    from agent.adapters.grading.encoder import CrossEncoderScorer
    from agent.adapters.grading.local import LocalGrader
    from agent.domain.verdict import ClaimText

    lab = Path(__file__).parents[1]
    public = load(args.data)
    hand = load_notes(lab / "data/answers", lab.parents[1] / "tracks") + load_domains(lab / "data/domains")
    kept = [(r, r.qid, True) for r, f in zip(public, folds(public, 3), strict=True) if f == 0 and r.dataset != "saf_en"]
    kept += [(r, r.domain, bool(h)) for r, h in zip(hand, held_out(hand, 6), strict=True)]
    rng = np.random.default_rng(1)
    plain = random.Random(1)
    true = [item for item in kept if item[0].label == COVERED and item[0].dataset in HAND]
    for r, cluster, held in [true[i] for i in rng.permutation(len(true))]:
        for source, text in (("answer", r.answer), ("claim", r.claims[0]))[: 1 + (plain.random() < CLAIMS_TURNED)]:
            turned = contradict(text, plain)
            if turned:
                made = replace(r, id=f"{r.id}/turned-{source}", dataset="made", answer=turned, label=CONTRADICTED)
                kept.append((made, cluster, held))
    spy = Spy()
    grader = LocalGrader(CrossEncoderScorer(threads=1), second=spy)
    with args.rows.open("w", encoding="utf-8") as out:
        for r, cluster, held in kept:
            spy.first = None
            verdict = grader.judge(r.question, [ClaimText("c", r.claims[0], "core")], r.answer)[0]
            p, against = spy.first[1:] if spy.first else (verdict.p_covered, verdict.p_contradicted)
            row = {"id": r.id, "cluster": cluster, "set": r.dataset, "held": held, "open": spy.first is not None}
            row |= {"question": r.question, "claim": r.claims[0], "answer": r.answer, "label": r.label}
            out.write(json.dumps(row | {"p": float(p), "contradicted": float(against)}, ensure_ascii=False) + "\n")


class Spy:
    """Stands where the second opinion does: sees which rows it would be asked about, and with what probabilities."""

    version = "spy"
    first: tuple[float, float, float] | None = None

    def covered(self, question, claim, answer, first):
        self.first = first


def read_rows(path: Path) -> dict[str, dict]:
    """Rows by id; of the ones made by rule, those that the product would ask about."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {r["id"]: r for r in rows if r["set"] != "made" or r["open"]}


def load_model(path: Path):
    """The Qwen2 model and tokenizer of a GGUF file, weights in bfloat16."""
    import gguf
    import torch
    from transformers import AutoConfig, AutoTokenizer, Qwen2ForCausalLM

    config = AutoConfig.from_pretrained(path.parent, gguf_file=path.name)
    config.quantization_config = None
    state = {}
    for tensor in gguf.GGUFReader(path).tensors:
        name = tensor.name.split(".")
        target = f"model.layers.{name[1]}.{PARTS[name[2]]}" if name[0] == "blk" else WHOLE[name[0]]
        weight = torch.tensor(gguf.dequantize(tensor.data, tensor.tensor_type)).to(torch.bfloat16)
        state[f"{target}.{name[-1]}"] = weight.reshape(tuple(int(n) for n in reversed(tensor.shape)))
    model = Qwen2ForCausalLM(config).to(torch.bfloat16).eval()
    model.load_state_dict(state)
    return model, AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)


def chosen_tokens(tokenizer) -> list[int]:
    """A fixed random set of tokens whose text is plain: a token of half a character comes back without its scores."""
    drawn = np.random.default_rng(0).permutation(100_000)[: TOKENS + TOKENS // 5].tolist()
    text = {token: tokenizer.decode([token]) for token in drawn}
    return sorted([t for t in drawn if text[t].isascii() and text[t].isprintable() and text[t].strip()][:TOKENS])


def extract(args: argparse.Namespace) -> None:
    """States of the rows that `--states` lacks, and the tokens' output weights."""
    import torch
    from transformers import DynamicCache

    from agent.adapters.grading.second import render

    torch.set_num_threads(args.threads)
    model, tokenizer = load_model(args.model)
    args.states.mkdir(exist_ok=True)
    tokens = json.loads(args.tokens.read_text()) if args.tokens else chosen_tokens(tokenizer)
    weights = model.lm_head.weight[tokens].detach().float().numpy()
    np.savez(args.states / "tokens.npz", tokens=np.array(tokens), weights=weights)
    known = states(args.states)
    groups: dict[tuple, list] = {}
    for row in read_rows(args.rows).values():
        if row["id"] not in known:
            key = (not row["held"], hash_of(row["cluster"]), row["question"], row["claim"])
            groups.setdefault(key, []).append(row)
    found, begun, done = [], time.monotonic(), 0

    def encode(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False).input_ids

    def flush() -> None:
        name = f"{len(list(args.states.glob('part*.npz'))):04d}"
        ids, made = zip(*found, strict=True)
        np.savez(args.states / f"part{name}.npz", ids=np.array(ids), last=np.array(made, dtype=np.float16))
        found.clear()
        print(f"{done} rows, {(time.monotonic() - begun) / done:.2f} s a row", flush=True)

    with torch.inference_mode():
        for key in sorted(groups):
            prompts = {row["id"]: render(row["question"], row["claim"], row["answer"]) for row in groups[key]}
            shared = prompts[groups[key][0]["id"]].partition("\nAnswer:")[0] + "\nAnswer:"
            prefix = torch.tensor([encode(shared)])
            base = model.model(input_ids=prefix, use_cache=True).past_key_values
            start = prefix.shape[1]
            tails = sorted(((id, encode(text[len(shared) :])) for id, text in prompts.items()), key=lambda t: len(t[1]))
            for first, last in pairwise([*range(0, len(tails), BATCH), len(tails)]):
                some = tails[first:last]
                longest = max(len(tail) for _, tail in some)
                ids = torch.zeros((len(some), longest), dtype=torch.long)
                mask = torch.zeros((len(some), start + longest), dtype=torch.long)
                mask[:, :start] = 1
                for i, (_, tail) in enumerate(some):
                    ids[i, : len(tail)] = torch.tensor(tail)
                    mask[i, start : start + len(tail)] = 1
                cache = DynamicCache()
                for i, layer in enumerate(base.layers):
                    keys, values = (t[:, :, :start].repeat(len(some), 1, 1, 1) for t in (layer.keys, layer.values))
                    cache.update(keys, values, i)
                places = torch.arange(start, start + longest)[None].repeat(len(some), 1)
                out = model.model(input_ids=ids, attention_mask=mask, past_key_values=cache, position_ids=places)
                for i, (id, tail) in enumerate(some):
                    found.append((id, out.last_hidden_state[i, len(tail) - 1].float().numpy()))
                done += len(some)
            if len(found) >= 200:
                flush()
    if found:
        flush()


def states(folder: Path) -> dict[str, np.ndarray]:
    """What has been extracted, by id."""
    found: dict[str, np.ndarray] = {}
    for path in sorted(folder.glob("p*.npz")):
        part = np.load(path)
        found.update(zip(part["ids"].tolist(), part["last"].astype(np.float32), strict=True))
    return found


def odds(p: np.ndarray) -> np.ndarray:
    """Log odds as the product takes them."""
    p = np.clip(p, 0.02, 0.98)
    return np.log(p / (1 - p))


class Probe:
    """A logistic regression on standardised columns, as mean and coefficients of the plain ones."""

    def __init__(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray, c: float) -> None:
        from sklearn.linear_model import LogisticRegression

        self.mean, scale = x.mean(0), x.std(0) + 1e-6
        model = LogisticRegression(C=c, max_iter=2000).fit((x - self.mean) / scale, y, sample_weight=weight)
        self.coef, self.constant = model.coef_[0] / scale, float(model.intercept_[0])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (x - self.mean) @ self.coef + self.constant


def folds_of(clusters: np.ndarray) -> np.ndarray:
    return np.array([hash_of("fold" + name) % FOLDS for name in clusters])


def crossed(x, y, weight, fold, c: float) -> np.ndarray:
    """Out-of-fold log odds."""
    out = np.zeros(len(y))
    for f in np.unique(fold):
        fit = fold != f
        out[~fit] = Probe(x[fit], y[fit], weight[fit], c)(x[~fit])
    return out


def best_strength(x, y, weight, fold) -> float:
    from metrics import auc

    return max(STRENGTHS, key=lambda c: auc(y, crossed(x, y, weight, fold, c)))


def weights_of(sets: np.ndarray, shares: dict[str, float]) -> np.ndarray:
    """Each set weighs its share, whatever its size."""
    w = np.array([shares[s] / (sets == s).sum() for s in sets])
    return w / w.mean()


def fit(args: argparse.Namespace) -> None:
    """Cross-fitted figures of the small judge, the reading and both, and with `--write` the head."""
    rows, known = read_rows(args.rows), states(args.states)
    told = np.load(args.states / "tokens.npz")
    ids = [id for id in rows if id in known]
    some = [rows[id] for id in ids]
    held = np.array([row["held"] for row in some])
    x = np.array([known[id] for id in ids]) @ told["weights"].T
    x -= x.mean(1, keepdims=True)
    y = np.array([row["label"] == 1 for row in some])
    sets = np.array([row["set"] for row in some])
    fold = folds_of(np.array([row["cluster"] for row in some]))
    shares = dict(zip(SETS, args.weights, strict=True))
    weight = weights_of(sets, shares)
    small = odds(np.array([row["p"] for row in some]))
    against = odds(np.array([row["contradicted"] for row in some]))
    strength = args.c or best_strength(x, y, weight, fold)
    read = crossed(x, y, weight, fold, strength)
    asked = held & np.array([row["open"] for row in some])
    three, weight_asked = np.stack([small, against, read], 1)[asked], weights_of(sets[asked], shares)
    mixed = small.copy()
    full = crossed(three, y[asked], weight_asked, fold[asked], 1.0)
    mixed[asked] = args.trust * full + (1 - args.trust) * small[asked]
    print(f"{len(ids)} rows, {held.sum()} held out from the small judge, it is unsure of {asked.sum()}; C {strength:g}")
    for name, use in (("held out", held), ("unsure", asked)):
        print(f"\n{name}")
        scores = {"small judge": small[use], "reading": read[use], "both": mixed[use]}
        report([row for row, u in zip(some, use, strict=True) if u], scores)
    if args.write:
        whole, mix = Probe(x, y, weight, strength), Probe(three, y[asked], weight_asked, 1.0)
        lift = np.array([0, 0, 0, args.lift])
        constant = mix.constant - mix.mean @ mix.coef + mix.coef[2] * whole.constant
        np.savez_compressed(
            args.write,
            model=np.array(args.name),
            tokens=told["tokens"].astype(np.int32),
            mean=whole.mean.astype(np.float32),
            coef=whole.coef.astype(np.float32),
            mix=args.trust * np.array([*mix.coef, constant]) + (1 - args.trust) * np.array([1, 0, 0, 0]) + lift,
        )


def report(rows: list[dict], scores: dict[str, np.ndarray]) -> None:
    """AUC, 2-way macro-F1, calibration error and what 4 % of accepted falsehoods buy, by set."""
    from metrics import auc, ece, interval, macro_f1

    y = np.array([row["label"] == 1 for row in rows])
    wrong = np.array([row["label"] == 2 for row in rows])
    sets = np.array([row["set"] for row in rows])
    cluster = np.array([row["cluster"] for row in rows])
    hand = np.isin(sets, HAND)
    groups = {"hand-written": hand, "hand-written, true and wrong": hand & (y | wrong)}
    for name, t in (groups | {s: sets == s for s in ("made", "scientsbank", "beetle")}).items():
        t = np.flatnonzero(t)
        if len(t) < 50 or not y[t].any():
            continue
        print(f"{name}: {len(t)} rows, {y[t].mean():.0%} covered, {len(set(cluster[t]))} clusters")
        for what, score in scores.items():
            s, truth = score[t], y[t]
            low, high = interval(cluster[t], lambda i, s=s, truth=truth: auc(truth[i], s[i]))
            bar = np.quantile(s[~truth], 0.96)
            guess = (s >= 0).astype(int)
            two = macro_f1(truth.astype(int), guess, 2)
            least, most = interval(
                cluster[t], lambda i, guess=guess, truth=truth: macro_f1(truth[i].astype(int), guess[i], 2)
            )
            sure = np.argsort(-np.abs(s))[: len(s) // 2]
            print(
                f"  {what:12} AUC {auc(truth, s):.3f} [{low:.3f}, {high:.3f}]  2-way {two:.3f} [{least:.2f}, {most:.2f}]"
                f"  ECE {ece(1 / (1 + np.exp(-s)), truth):.3f}  surer half right {((s >= 0) == truth)[sure].mean():.1%}"
                f"  true accepted at 4 % of the false {(s[truth] > bar).mean():.1%}"
            )


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("step", choices=("build", "extract", "fit"))
    a.add_argument("--rows", type=Path, required=True, help="the file of rows")
    a.add_argument("--data", type=Path, help="build: the folder of public sets")
    a.add_argument("--states", type=Path, help="the folder of what is extracted")
    a.add_argument("--model", type=Path, help="extract: the embedded model's GGUF file")
    a.add_argument("--tokens", type=Path, help="extract: JSON list of token ids instead of a random set")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--weights", type=float, nargs=5, default=[1, 1, 3, 8, 0.5], help=f"fit: in all, of {SETS}")
    a.add_argument("--trust", type=float, default=0.5, help="fit: weight of the mix beside the small judge alone")
    a.add_argument("--lift", type=float, default=0.43, help="fit: log odds added, so that the quiz's one band serves")
    a.add_argument("--c", type=float, help="fit: inverse ridge instead of the best")
    a.add_argument("--name", default="qwen2.5-coder-1.5b-instruct-q4_k_m")
    a.add_argument("--write", type=Path, help="fit: the head's file")
    given = a.parse_args()
    {"build": build, "extract": extract, "fit": fit}[given.step](given)
