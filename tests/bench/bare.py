"""The two bare calls: the bridge's own worker, set up as always, whose task asks the bot and tells the inbox."""

import os
from typing import Any

import requests
from celery import Celery
from requests.adapters import HTTPAdapter

TASK = "bare.turn"
MAX_THREADS = 64
THREADS = 16
TIMEOUT_S = 30

app = Celery("bare")
app.config_from_object("chatbridge.celeryconfig")
app.conf.worker_concurrency = THREADS

_session = requests.Session()
_session.trust_env = False
_session.mount("http://", HTTPAdapter(pool_maxsize=MAX_THREADS))


@app.task(name=TASK)
def turn(conversation: str, text: str) -> None:
    reply = _post(os.environ["BOT_URL"], {"session_id": conversation, "text": text})
    said = reply["messages"][0]["text"]
    _post(f"{os.environ['INBOX_URL']}/{conversation}", {"sendMessage": {"text": said}})


def _post(url: str, document: dict[str, Any]) -> dict[str, Any]:
    response = _session.post(url, json=document, timeout=TIMEOUT_S)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
