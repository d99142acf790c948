"""Ready-made templates for platforms whose API answers a message in the same call. Pure.

n8n: https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-langchain.chattrigger/ ·
Dify: https://docs.dify.ai/api-reference/chat/send-chat-message ·
Flowise: https://docs.flowiseai.com/using-flowise/prediction ·
Voiceflow: https://docs.voiceflow.com/api-reference/conversation/interact--legacy-non-stream
"""

from collections.abc import Mapping
from typing import Any

OWN, N8N, DIFY, FLOWISE, VOICEFLOW = "own", "n8n", "dify", "flowise", "voiceflow"
LABELS = {
    OWN: "my own: any JSON API",
    N8N: "n8n: Chat Trigger",
    DIFY: "Dify: chatbot or chatflow",
    FLOWISE: "Flowise: prediction",
    VOICEFLOW: "Voiceflow: interact",
}
MARKER = "[HANDOVER]"
"""What an author can have a language model say that has no other way to ask for a person."""
BEARER = "Authorization: Bearer {{secret}}"

Preset = Mapping[str, str]
PRESETS: Mapping[str, Preset] = {
    OWN: {
        "body": '{\n  "session": "{{session_id}}",\n  "text": "{{text}}"\n}',
        "texts_path": "reply",
    },
    N8N: {
        "headers": "Authorization: Basic {{secret_base64}}",
        "body": '{\n  "action": "sendMessage",\n  "sessionId": "{{session_id}}",\n  "chatInput": "{{text}}"\n}',
        "texts_path": "output || text || [0].output || [0].text",
        "handover_marker": MARKER,
    },
    DIFY: {
        "url": "https://api.dify.ai/v1/chat-messages",
        "headers": BEARER,
        "body": '{\n  "inputs": {},\n  "query": "{{text}}",\n  "response_mode": "blocking",\n'
        '  "conversation_id": "{{remembered.conversation_id}}",\n  "user": "{{session_id}}"\n}',
        "texts_path": "answer",
        "handover_marker": MARKER,
        "remember": "conversation_id = conversation_id",
    },
    FLOWISE: {
        "headers": BEARER,
        "body": '{\n  "question": "{{text}}",\n  "chatId": "{{session_id}}",\n  "streaming": false\n}',
        "texts_path": "text",
        "handover_marker": MARKER,
    },
    VOICEFLOW: {
        "url": "https://general-runtime.voiceflow.com/state/user/{{session_id}}/interact",
        "headers": "Authorization: {{secret}}\nversionID: production",
        "body": '{\n  "action": {"type": "text", "payload": "{{text}}"},\n'
        '  "config": {"tts": false, "stripSSML": true, "excludeTypes": ["block", "debug", "flow"]}\n}',
        "choice_body": '{\n  "action": "{{payload}}",\n'
        '  "config": {"tts": false, "stripSSML": true, "excludeTypes": ["block", "debug", "flow"]}\n}',
        "start_body": '{\n  "action": {"type": "launch"},\n'
        '  "config": {"tts": false, "stripSSML": true, "excludeTypes": ["block", "debug", "flow"]}\n}',
        "texts_path": "[?type=='text' || type=='speak'].payload.message",
        "options_path": "[?type=='choice'].payload.buttons[].{title: name, payload: request}",
        "files_path": "[?type=='visual'].payload.image",
        "handover_path": "[].type",
        "handover_value": "handover",
        "details_path": "[?type=='handover'].payload | [0]",
    },
}
FILLED = tuple(dict.fromkeys(name for preset in PRESETS.values() for name in preset))
"""The settings that a preset has a say in."""


def with_preset(chosen: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with the chosen preset's in place of empty ones. What another preset had filled in before goes
    with its body."""
    preset, body = PRESETS[chosen], values.get("body")
    before = next((other for kind, other in PRESETS.items() if kind != chosen and body == other["body"]), {})
    result = dict(values)
    for name in FILLED:
        value = values.get(name) or ""
        if value in ("", before.get(name)):
            result[name] = preset.get(name, "")
    return result
