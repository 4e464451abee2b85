"""The cross-encoder: MiniLM over claim, question and answer at once, with an alignment head."""

from pathlib import Path

import torch
from torch import nn
from transformers import AutoModel


class CrossEncoder(nn.Module):
    """Three logits (missing, covered, contradicted) for each row of token ids and part numbers.

    The head sees the mean claim and answer vectors, their difference and product, and two alignment
    scalars: how well each claim token finds a partner among the answer's tokens, and the reverse.
    """

    def __init__(self, base: Path, align: bool = True) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(str(base), add_pooling_layer=False, attn_implementation="eager")
        self.align = align
        width = self.encoder.config.hidden_size
        self.drop = nn.Dropout(0.1)
        self.head = nn.Sequential(nn.Linear(4 * width + 3, 128), nn.GELU(), nn.Dropout(0.1), nn.Linear(128, 3))

    def forward(self, input_ids: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
        mask = (input_ids != 0).long()
        kinds = (parts == 3).long()
        h = self.encoder(input_ids=input_ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state.float()
        claim = (parts == 1).float()
        answer = (parts == 3).float()
        u = (h * claim[..., None]).sum(1) / claim.sum(1, keepdim=True).clamp(min=1)
        v = (h * answer[..., None]).sum(1) / answer.sum(1, keepdim=True).clamp(min=1)
        n = h / h.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        sim = torch.matmul(n, n.transpose(1, 2))
        a = sim - 4.0 * (1.0 - answer[:, None, :])
        recall = ((a.amax(2) * claim).sum(1) / claim.sum(1).clamp(min=1)).clamp(min=-1)
        c = sim - 4.0 * (1.0 - claim[:, None, :])
        precision = ((c.amax(2) * answer).sum(1) / answer.sum(1).clamp(min=1)).clamp(min=-1)
        cos = (u * v).sum(1) / (u.norm(dim=1) * v.norm(dim=1)).clamp(min=1e-6)
        x = torch.cat([self.drop(u), self.drop(v), (u - v).abs(), u * v, torch.stack([recall, precision, cos], 1)], 1)
        return self.head(x)
