import os
from typing import Any

import requests
from django.utils import timezone
from redis import Redis

from tests.bench.naive.celery import app
from tests.bench.naive.models import Event, Message

LOCK_S = 60
TIMEOUT_S = 30
_redis = Redis.from_url(os.environ["REDIS_URL"])


@app.task
def handle_event(event_id: int) -> None:
    event = Event.objects.select_related("conversation").get(pk=event_id)
    if event.type != "INBOUND_MESSAGE_RECEIVED":
        return
    conversation = event.conversation
    with _redis.lock(f"conversation:{conversation.pk}", timeout=LOCK_S):
        text = event.data["message"]["text"]
        Message.objects.create(conversation=conversation, author="contact", text=text)
        conversation.last_message_at = timezone.now()
        conversation.save()
        reply = _post(os.environ["BOT_URL"], {"session_id": str(conversation.pk), "text": text})
        said = reply["messages"][0]["text"]
        Message.objects.create(conversation=conversation, author="bot", text=said)
        _post(f"{os.environ['INBOX_URL']}/{conversation.external_id}", {"sendMessage": {"text": said}})
        event.refresh_from_db()
        event.done_at = timezone.now()
        event.save()


def _post(url: str, document: dict[str, Any]) -> dict[str, Any]:
    response = requests.post(url, json=document, timeout=TIMEOUT_S)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
