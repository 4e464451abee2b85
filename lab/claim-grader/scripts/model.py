"""The grader's encoder: MiniLM whose lower layers read each text alone and whose upper layers read the pair.

The lower half (trunk) is frozen, so a text is encoded once, whatever it is paired with; training and judging
pay for the upper half only (the layout of DeFormer, Cao et al. 2020).
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as fn

WIDTH, HEADS, LAYERS = 384, 12, 6


class Layer(nn.Module):
    """A post-norm BERT layer."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-12)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-12)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        b, n, _ = x.shape
        q, k, v = (f(x).view(b, n, HEADS, WIDTH // HEADS).transpose(1, 2) for f in (self.query, self.key, self.value))
        scores = torch.matmul(q, k.transpose(2, 3)) * (WIDTH // HEADS) ** -0.5 + bias
        mixed = torch.matmul(torch.softmax(scores, -1), v).transpose(1, 2).reshape(b, n, WIDTH)
        x = self.norm1(x + self.drop(self.out(mixed)))
        return self.norm2(x + self.drop(self.down(fn.gelu(self.up(x)))))

    def load(self, weights: dict[str, torch.Tensor], prefix: str) -> None:
        names = {
            "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
            "out": "attention.output.dense", "norm1": "attention.output.LayerNorm", "up": "intermediate.dense",
            "down": "output.dense", "norm2": "output.LayerNorm",
        }  # fmt: skip
        state = {f"{a}.{p}": weights[f"{prefix}.{b}.{p}"] for a, b in names.items() for p in ("weight", "bias")}
        self.load_state_dict(state)


def bias_of(mask: torch.Tensor) -> torch.Tensor:
    return (1.0 - mask.float())[:, None, None, :] * -10000.0


class Trunk(nn.Module):
    """Token ids (n, length), 0 padded, to states (n, length, 384) after `depth` layers."""

    def __init__(self, base: Path, depth: int = 3) -> None:
        super().__init__()
        w = load_file(str(base / "model.safetensors"))
        self.words = nn.Embedding.from_pretrained(w["embeddings.word_embeddings.weight"])
        self.places = nn.Embedding.from_pretrained(w["embeddings.position_embeddings.weight"])
        self.kind = nn.Parameter(w["embeddings.token_type_embeddings.weight"][0])
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.norm.load_state_dict({p: w[f"embeddings.LayerNorm.{p}"] for p in ("weight", "bias")})
        self.layers = nn.ModuleList(Layer() for _ in range(depth))
        for i, layer in enumerate(self.layers):
            layer.load(w, f"encoder.layer.{i}")

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        bias = bias_of(ids != 0)
        x = self.norm(self.words(ids) + self.places.weight[: ids.shape[1]] + self.kind)
        for layer in self.layers:
            x = layer(x, bias)
        return x


class Upper(nn.Module):
    """Trunk states of claim and answer, joined, to three logits (missing, covered, contradicted).

    `parts` is 1 over the claim's tokens, 2 over the question's, 3 over the answer's, 0 on padding. The head
    sees the mean claim and answer vectors, their difference and product, and alignment scalars at the input
    and at the output: how well each claim token finds a partner among the answer's tokens, and the reverse.
    """

    def __init__(self, base: Path, depth: int = 3) -> None:
        super().__init__()
        w = load_file(str(base / "model.safetensors"))
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS - depth))
        for i, layer in enumerate(self.layers):
            layer.load(w, f"encoder.layer.{depth + i}")
        self.part = nn.Parameter(torch.zeros(4, WIDTH))
        self.drop = nn.Dropout(0.1)
        self.head = nn.Sequential(nn.Linear(4 * WIDTH + 6, 128), nn.GELU(), nn.Dropout(0.1), nn.Linear(128, 3))

    @staticmethod
    def align(h: torch.Tensor, claim: torch.Tensor, answer: torch.Tensor) -> list[torch.Tensor]:
        h = h.float()
        n = h * torch.rsqrt((h * h).sum(-1, keepdim=True).clamp(min=1e-6))
        sim = torch.matmul(n, n.transpose(1, 2))
        r = (sim - 4.0 * (1.0 - answer[:, None, :])).amax(2)
        p = (sim - 4.0 * (1.0 - claim[:, None, :])).amax(2)
        low = (r + 4.0 * (1.0 - claim)).amin(1)
        return [(r * claim).sum(1) / claim.sum(1).clamp(min=1), (p * answer).sum(1) / answer.sum(1).clamp(min=1), low]

    def forward(self, x: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
        claim, answer = (parts == 1).float(), (parts == 3).float()
        first = self.align(x, claim, answer)
        bias = bias_of(parts != 0)
        h = x + self.part[parts]
        for layer in self.layers:
            h = layer(h, bias)
        h = h.float()
        u = (h * claim[..., None]).sum(1) / claim.sum(1, keepdim=True).clamp(min=1)
        v = (h * answer[..., None]).sum(1) / answer.sum(1, keepdim=True).clamp(min=1)
        scalars = torch.stack([*first, *self.align(h, claim, answer)], 1)
        return self.head(torch.cat([self.drop(u), self.drop(v), (u - v).abs(), u * v, scalars], 1))
