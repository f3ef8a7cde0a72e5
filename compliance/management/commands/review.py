"""`manage.py review CERT_ID --approve | --reject CODE --by USERNAME`: decide as in the admin (EPR-7)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.choices import CertificateStatus, ReasonKind
from compliance.models import Certificate, ReviewReason
from compliance.services.reviews import certificate_approve, certificate_reject, claimed_for
from portal.demo.guard import refuse_without_demo_clock
from portal.errors import Refusal
from portal.models import User
from portal.scoping import unscoped

REFUSED, UNKNOWN = 1, 2
"""Exit codes: a rule forbids it; the command names something that does not exist."""


class Command(BaseCommand):
    """The reviewer claims the certificate if nobody has, and decides."""

    help = (
        "Approve or reject a waiting certificate as a reviewer. Exit 1 when it is refused, 2 when the"
        " certificate or the user does not exist."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the certificate, the decision and who takes it."""
        parser.add_argument("certificate", type=int, metavar="CERT_ID")
        decision = parser.add_mutually_exclusive_group(required=True)
        decision.add_argument("--approve", action="store_true")
        decision.add_argument("--reject", metavar="CODE", help="a canned reason, or any other word")
        parser.add_argument("--by", required=True, metavar="USERNAME")
        parser.add_argument("--text-en", default="", help="what the seller reads besides")
        parser.add_argument("--text-zh", default="", help="the same in Chinese")

    def handle(self, *args: Any, **options: Any) -> None:
        """Decide and print what the certificate is now."""
        refuse_without_demo_clock()
        actor = User.objects.filter(username=options["by"], is_active=True).first()
        if actor is None:
            text = f"there is no active user “{options['by'][:150]}”"
            raise CommandError(text, returncode=UNKNOWN)
        with unscoped():
            certificate = Certificate.objects.filter(pk=options["certificate"]).first()
            if certificate is None:
                text = f"there is no certificate {options['certificate']}"
                raise CommandError(text, returncode=UNKNOWN)
            try:
                with claimed_for(actor=actor, certificate=certificate) as held:
                    done = self._decide(actor, held, options)
            except Refusal as refusal:
                told = "; ".join(f"{name}: {text}" for name, text in refusal.fields) or refusal
                raise CommandError(f"{refusal.code}: {told}", returncode=REFUSED) from None
        note = ""
        if options["approve"] and done.status == CertificateStatus.SUBMITTED:
            note = " (first approval; a second reviewer decides)"
        self.stdout.write(f"certificate {done.pk}: {done.status}{note}")

    def _decide(self, actor: User, held: Certificate, options: dict[str, Any]) -> Certificate:
        if options["approve"]:
            return certificate_approve(actor=actor, certificate=held, digest=held.digest)
        code, english, chinese = options["reject"], options["text_en"], options["text_zh"]
        canned = ReviewReason.objects.filter(kind=ReasonKind.REJECT, code=code, active=True)
        if not (english or chinese or canned.exists()):
            self.stderr.write(f"“{code}” is no canned reason: it is sent as the text itself")
            english = code
        return certificate_reject(
            actor=actor, certificate=held, code=code, text_en=english, text_zh=chinese
        )
