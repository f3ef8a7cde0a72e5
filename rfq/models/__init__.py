"""Models of `rfq`, grouped by what they are about."""

from rfq.models.market import Rfq, RfqInvitation, RfqWord, SavedSearch, UnsolicitedOffer
from rfq.models.outlook import ScoreOutlook, ScoreOutlookChange
from rfq.models.programmes import ChallengeEntry, OrderLink, SpamEvidence, SpamReport
from rfq.models.quotes import FollowUp, Pin, Quote, QuoteDraft, QuoteFile, QuoteTemplate
from rfq.models.rights import RightEntry, RightLot
from rfq.models.scores import (
    Assessment,
    PeerBenchmark,
    PeerBenchmarkChange,
    ServiceScore,
    ServiceScoreChange,
)

__all__ = [
    "Assessment",
    "ChallengeEntry",
    "FollowUp",
    "OrderLink",
    "PeerBenchmark",
    "PeerBenchmarkChange",
    "Pin",
    "Quote",
    "QuoteDraft",
    "QuoteFile",
    "QuoteTemplate",
    "Rfq",
    "RfqInvitation",
    "RfqWord",
    "RightEntry",
    "RightLot",
    "SavedSearch",
    "ScoreOutlook",
    "ScoreOutlookChange",
    "ServiceScore",
    "ServiceScoreChange",
    "SpamEvidence",
    "SpamReport",
    "UnsolicitedOffer",
]
