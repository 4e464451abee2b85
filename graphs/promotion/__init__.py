"""Approval of a level change: propose, gate (a human), apply."""

from graphs.promotion.graph import build_promotion
from graphs.promotion.state import PromotionContext, PromotionInput, PromotionState

__all__ = ["PromotionContext", "PromotionInput", "PromotionState", "build_promotion"]
