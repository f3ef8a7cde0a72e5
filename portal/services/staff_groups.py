"""Staff groups and what each may do in the admin (UI-7)."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

OUR_APPS = ("portal", "listings", "rfq", "compliance", "growth")
VIEW, WORK = ("view",), ("view", "add", "change")

# Group → rows of (app, model or "*", actions). An action is Django's verb for the model, or the
# codename of a permission of its own. Models that do not exist (yet) are passed over.
GRANTS: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {
    "reviewer": [
        *((app, "*", VIEW) for app in OUR_APPS),
        ("compliance", "certificate", ("change", "review_certificate", "import_register")),
        ("compliance", "reviewreason", WORK),
        ("growth", "programme", ("review_enrolment",)),
    ],
    "operator": [
        *((app, "*", VIEW) for app in OUR_APPS),
        ("portal", "category", ("change",)),
        ("portal", "ingestbatch", ("add",)),
        ("portal", "bulletin", WORK),
        ("portal", "bulletinquestion", ("change",)),
        ("portal", "notice", ("change",)),
        ("portal", "webhookendpoint", ("change",)),
        ("portal", "rulebook", (*WORK, "publish_rulebook")),
        ("portal", "nightrun", ("run_night",)),
        ("portal", "member", WORK),
        ("listings", "theme", WORK),
        ("listings", "product", ("change",)),
        ("rfq", "rightlot", ("add",)),
        ("rfq", "rfq", ("change",)),
        ("rfq", "unsolicitedoffer", ("change",)),
        ("compliance", "gateblock", ("ask_gate",)),
        ("compliance", "gatedproduct", ("change",)),
        ("compliance", "categorytraits", WORK),
        ("compliance", "servicerequest", ("change",)),
        ("growth", "*", WORK),
        ("growth", "programme", ("review_enrolment",)),
    ],
    "risk officer": [
        *((app, "*", VIEW) for app in OUR_APPS),
        ("auditlog", "logentry", VIEW),
        ("portal", "seller", ("change",)),
        ("portal", "sellerflag", WORK),
        ("listings", "product", ("change",)),
        ("compliance", "violation", WORK),
        ("compliance", "appeal", ("change",)),
        ("compliance", "ruleclass", (*WORK, "publish_ruleclass")),
        ("compliance", "protectedmark", WORK),
        ("compliance", "markcase", ("change",)),
        ("compliance", "chemical", WORK),
        ("compliance", "chemicalcategory", WORK),
        ("rfq", "spamreport", ("change",)),
    ],
    "admin": [
        *((app, "*", ("*",)) for app in OUR_APPS),
        ("auditlog", "logentry", VIEW),
        ("auth", "group", VIEW),
    ],
}


@transaction.atomic
def staff_groups_sync() -> None:
    """Create the groups and give them what they lack; what staff added by hand stays.

    Runs after every migration, so that permissions of new models reach their groups.
    """
    for name, grants in GRANTS.items():
        group, _created = Group.objects.get_or_create(name=name)
        wanted = Q(pk__in=[])
        for app, model, actions in grants:
            wanted |= _permissions(app, model, actions)
        missing = Permission.objects.filter(wanted).exclude(group=group)
        group.permissions.add(*missing)


def _permissions(app: str, model: str, actions: tuple[str, ...]) -> Q:
    found = Q(content_type__app_label=app)
    if model != "*":
        found &= Q(content_type__model=model)
    if "*" in actions:
        return found
    codes = Q(codename__in=actions)
    for action in set(actions) & {"view", "add", "change", "delete"}:
        codes |= Q(codename__startswith=f"{action}_")
    return found & codes
