"""Files of certificates: seen by the shop and by reviewers; pending uploads go after a day (EPR-6)."""

from compliance.services.certificate_files import PENDING, PURPOSES
from portal.file_purposes import register_file_purpose

REVIEWERS = ("compliance.review_certificate", "compliance.view_certificate")

for _purpose in PURPOSES.values():
    register_file_purpose(_purpose, staff_permissions=REVIEWERS)
register_file_purpose(PENDING, staff_permissions=REVIEWERS, unused=lambda files: files)
