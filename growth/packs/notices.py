"""What shops are told of task packs and rewards, in the words of each reader (K-18, GRO-8)."""

from __future__ import annotations

from collections.abc import Iterable

from growth.models import Pack, PackReward
from portal.bilingual import both_texts
from rfq.nightly.telling import tell

__all__ = ["pack_title", "rewards_text", "tell"]


def pack_title(pack: Pack) -> dict[str, str]:
    """Return the title of a pack in both languages."""
    return both_texts(pack.title_en, pack.title_zh)


def rewards_text(rewards: Iterable[PackReward]) -> dict[str, str]:
    """Return the titles of rewards in both languages; empty when there are none."""
    rewards = list(rewards)
    if not rewards:
        return {}
    return {
        "en": ", ".join(reward.title_en for reward in rewards),
        "zh": "、".join(reward.title_zh or reward.title_en for reward in rewards),
    }
