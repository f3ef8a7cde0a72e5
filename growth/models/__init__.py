"""Models of `growth`."""

from growth.models.diagnosis import (
    GrowthBenchmark,
    GrowthBenchmarkChange,
    GrowthScore,
    GrowthScoreChange,
)
from growth.models.guide import StageStanding, StageStandingChange, TaskDone, TaskDoneChange
from growth.models.packs import (
    Pack,
    PackClaim,
    PackListing,
    PackReward,
    PackStanding,
    PackStandingChange,
    PackTask,
    RewardGrant,
)
from growth.models.programmes import (
    Enrolment,
    EnrolmentDocument,
    EnrolmentEvent,
    EnrolmentFile,
    EnrolmentRenewal,
    Programme,
)
from growth.models.rights import AffiliatedCompany, StrengthLabel, UpgradeRequest
from growth.models.stars import StarAssessment, StarStanding, StarStandingChange

__all__ = [
    "AffiliatedCompany",
    "Enrolment",
    "EnrolmentDocument",
    "EnrolmentEvent",
    "EnrolmentFile",
    "EnrolmentRenewal",
    "GrowthBenchmark",
    "GrowthBenchmarkChange",
    "GrowthScore",
    "GrowthScoreChange",
    "Pack",
    "PackClaim",
    "PackListing",
    "PackReward",
    "PackStanding",
    "PackStandingChange",
    "PackTask",
    "Programme",
    "RewardGrant",
    "StageStanding",
    "StageStandingChange",
    "StarAssessment",
    "StarStanding",
    "StarStandingChange",
    "StrengthLabel",
    "TaskDone",
    "TaskDoneChange",
    "UpgradeRequest",
]
