"""Files of enrolments: the shop's own, and those who decide about enrolments see them (GRO-17)."""

from __future__ import annotations

from growth.services.enrolment_review import PERMISSION
from growth.services.enrolments import FILE_PURPOSE
from portal.file_purposes import VIEW_PERMISSION, register_file_purpose

register_file_purpose(FILE_PURPOSE, staff_permissions=(PERMISSION, VIEW_PERMISSION))
