import hashlib
import hmac
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.bench.events import SIGNATURE_HEADER
from tests.bench.naive.models import Channel, Conversation, Event
from tests.bench.naive.tasks import handle_event


class EventSerializer(serializers.ModelSerializer[Event]):
    idempotencyKey = serializers.CharField(source="key")  # noqa: N815 - as the platform calls it

    class Meta:
        model = Event
        fields = ["idempotencyKey", "type", "data"]


class Webhook(APIView):
    def post(self, request: Request, uuid: UUID) -> Response:
        body = request._request.body
        channel = Channel.objects.get(uuid=uuid)
        signature = hmac.new(bytes.fromhex(channel.shared_secret), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, request.headers.get(SIGNATURE_HEADER, "")):
            return Response({"detail": "Wrong signature."}, status=401)
        serializer = EventSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values: dict[str, Any] = serializer.validated_data
        conversation, _ = Conversation.objects.get_or_create(
            channel=channel, external_id=values["data"]["conversationId"]
        )
        key = values.pop("key")
        event, is_new = Event.objects.get_or_create(
            channel=channel, key=key, defaults={**values, "conversation": conversation}
        )
        if is_new:
            handle_event.delay(event.pk)
        return Response({})
