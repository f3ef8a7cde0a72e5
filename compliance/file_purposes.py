"""Files of certificates, violations and appeals: who of staff sees them (EPR-6).

Pending uploads, those of forms that were not sent, go after a day.
"""

from compliance.services import appeals
from compliance.services.certificate_files import PENDING, PURPOSES
from compliance.services.violations import EVIDENCE
from portal.file_purposes import register_file_purpose

REVIEWERS = ("compliance.review_certificate", "compliance.view_certificate")

for _purpose in PURPOSES.values():
    register_file_purpose(_purpose, staff_permissions=REVIEWERS)
register_file_purpose(PENDING, staff_permissions=REVIEWERS, unused=lambda files: files)

OFFICERS = ("compliance.view_violation", "compliance.view_appeal")

for _purpose in (EVIDENCE, appeals.PURPOSE):
    register_file_purpose(_purpose, staff_permissions=OFFICERS)
register_file_purpose(appeals.PENDING, staff_permissions=OFFICERS, unused=lambda files: files)
