"""The four roles that come with the bridge, as groups: one table, written into the database after each migrate."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from channels_app.access.permissions import HAND_OVER, PAUSE, READ_TEXT, REPLAY


def _each(verbs: str, models: str) -> frozenset[str]:
    """Django's own permissions for these verbs on these models, "app.verb_model"."""
    pairs = (model.split(".") for model in models.split())
    return frozenset(f"{app}.{verb}_{name}" for app, name in pairs for verb in verbs.split())


SET_UP = "channels_app.bot channels_app.channel channels_app.inboxchannel offload.offloadprovider"
LOG = (
    "channels_app.contactrow channels_app.conversation channels_app.webhookevent channels_app.delivery "
    "channels_app.exchange channels_app.figure channels_app.failuregroup channels_app.failure channels_app.bulkretry "
    "channels_app.intakecount channels_app.credential channels_app.workerslot offload.offload"
)
VIEWER = _each("view", SET_UP) | _each("view", LOG)
AUDITOR = VIEWER | _each("view", "channels_app.auditentry")
OPERATOR = VIEWER | {READ_TEXT, REPLAY, HAND_OVER}
ADMIN = (
    OPERATOR
    | AUDITOR
    | _each("add change delete", SET_UP)
    | _each("view add change", "channels_app.apitoken")
    | {PAUSE}
)
ROLES: dict[str, tuple[str, frozenset[str]]] = {
    "Viewer": ("sees every page, but not the texts of contacts and bots", VIEWER),
    "Operator": ("also reads texts, retries failed events, hands over, and replies as the bot", OPERATOR),
    "Admin": ("also sets up channels and bots, pauses them, creates API tokens, and reads the audit log", ADMIN),
    "Auditor": ("sees what a viewer sees, plus the audit log", AUDITOR),
}
"""Name to what it means for people, and its permissions. Users and groups themselves are left to superusers:
permission to change users would let people make themselves one."""
APPS = frozenset({"channels_app", "offload"})


def update_roles(app_config: Any = None, **_: Any) -> None:
    """Make the groups as the table says. Permissions of an app that is migrated later come with its own turn."""
    if app_config is not None and app_config.label not in APPS:
        return
    rows = Permission.objects.filter(content_type__app_label__in=APPS).select_related("content_type")
    known = {f"{row.content_type.app_label}.{row.codename}": row for row in rows}
    with transaction.atomic():
        for name, (_words, codenames) in ROLES.items():
            group, _made = Group.objects.get_or_create(name=name)
            group.permissions.set([known[codename] for codename in sorted(codenames) if codename in known])
