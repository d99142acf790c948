"""Who the caller is, and the audit log."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.access.audit_log import AuditSearch
from channels_app.access.permissions import SEE, SEE_AUDIT_LOG, SEE_CHANNEL
from channels_app.models import AuditEntry
from channels_app.web.api.base import ApiView, RowSerializer, TimedPageQuery
from channels_app.web.api.schema import Tag, example, operation


@example(
    user="reporting",
    token="nightly report (cbt_x3Kq…)",  # noqa: S106 its beginning, in an example
    roles=["Viewer"],
    permissions=[SEE_CHANNEL, SEE],
)
class CallerSerializer(serializers.Serializer[Any]):
    user = serializers.CharField()
    token = serializers.CharField(allow_null=True, help_text="The token's name and prefix; null for a session.")
    roles = serializers.ListField(child=serializers.CharField())
    permissions = serializers.ListField(child=serializers.CharField())


@example(
    id=812,
    at="2026-03-14T10:32:15.020Z",
    who="anna",
    what="paused",
    object={"type": "channel", "id": "3", "name": "Acme EU"},
    changes={"is_active": [True, False]},
    reason="The bot greets itself.",
    address="203.0.113.7",
    via="admin",
)
class AuditEntrySerializer(RowSerializer):
    who = serializers.CharField(source="actor")
    what = serializers.CharField(source="action")
    object = serializers.SerializerMethodField()

    class Meta:
        model = AuditEntry
        fields = ("id", "at", "who", "what", "object", "changes", "reason", "address", "via")
        extra_kwargs = {
            "changes": {"help_text": "Field to [before, after]; for a secret only “changed”."},
            "address": {"help_text": "Where the call came from."},
            "via": {"help_text": "admin, operations, api or command."},
        }

    def get_object(self, row: Any) -> dict[str, str]:
        return {"type": row.object_type, "id": row.object_id, "name": row.object_name}


class AuditQuery(TimedPageQuery):
    who = serializers.CharField(required=False, help_text="The full name.")
    what = serializers.CharField(required=False, help_text="E.g. paused, or “read texts”.")
    object = serializers.CharField(required=False, help_text="E.g. channel:3, or part of its name.")


class Me(ApiView):
    @operation("getMe", "The user the call acts for", tag=Tag.ME, answer=CallerSerializer)
    def get(self, request: Request) -> Response:
        user: Any = request.user
        caller = {
            "user": user.get_username(),
            "token": str(request.auth) if request.auth else None,
            "roles": list(user.groups.order_by("name").values_list("name", flat=True)),
            "permissions": sorted(user.get_all_permissions()),
        }
        return self.answer(caller, CallerSerializer)


class AuditLog(ApiView):
    @operation(
        "listAuditEntries",
        "Who did what, newest first",
        tag=Tag.AUDIT,
        needs=SEE_AUDIT_LOG,
        query=AuditQuery,
        answer=AuditEntrySerializer,
        is_page=True,
    )
    def get(self, request: Request) -> Response:
        query = self.query(AuditQuery)
        search = AuditSearch(
            who=query.get("who", ""),
            action=query.get("what", ""),
            thing=query.get("object", ""),
            before=query.get("before"),
        )
        return self.page(search.entries(), AuditEntrySerializer, query)
