"""Ready-made templates for platforms whose API answers a message in the same call. Pure.

n8n: https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-langchain.chattrigger/ ·
Dify: https://docs.dify.ai/api-reference/chat/send-chat-message ·
Flowise: https://docs.flowiseai.com/using-flowise/prediction ·
Voiceflow: https://docs.voiceflow.com/api-reference/conversation/send, and its legacy
https://docs.voiceflow.com/api-reference/conversation/interact--legacy-non-stream
"""

from collections.abc import Mapping
from typing import Any

OWN, N8N, DIFY, FLOWISE, VOICEFLOW, VOICEFLOW_LEGACY = (
    "own",
    "n8n",
    "dify",
    "flowise",
    "voiceflow_conversation",
    "voiceflow",
)
LABELS = {
    OWN: "my own: any JSON API",
    N8N: "n8n: Chat Trigger",
    DIFY: "Dify: chatbot or chatflow",
    FLOWISE: "Flowise: prediction",
    VOICEFLOW: "Voiceflow: conversation",
    VOICEFLOW_LEGACY: "Voiceflow: interact (legacy)",
}
MARKER = "[HANDOVER]"
"""What an author can have a language model say that has no other way to ask for a person."""
BEARER = "Authorization: Bearer {{secret}}"
POST, PUT, GET = "POST", "PUT", "GET"
TO_FILL_IN = "YOUR_PROJECT_ID"
"""Of an address that a preset can't know as a whole."""

Preset = Mapping[str, str]


def _traces(traces: str, handovers: str) -> Preset:
    """Where Voiceflow's traces say what, in their order: texts, pictures, cards with their buttons."""
    button = "{title: name, payload: request}"
    shown = "['text', 'speak', 'visual', 'cardV2', 'carousel']"
    words = 'message || join(`"\\n"`, [title, description.text][?@])'
    return {
        "texts_path": f"{traces}[?contains({shown}, type)].payload.[cards || [@]][][]"
        f".{{text: {words}, url: image || imageUrl, options: buttons[].{button}}}",
        "options_path": f"{traces}[?type=='choice'].payload.buttons[].{button}",
        "handover_path": f"{handovers}.type",
        "details_path": f"{handovers}.payload | [0]",
    }


_CONFIG = '  "config": {"tts": false, "stripSSML": true, "excludeTypes": ["block", "debug", "flow"]}\n'
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
        "method": PUT,
        "url": "https://realtime-api.voiceflow.com/v1/stable/conversation/{{session_id}}"
        f"?projectID={TO_FILL_IN}&environmentAlias=main",
        "headers": BEARER,
        "body": '{\n  "action": {"type": "text", "payload": "{{text}}"},\n  "version": "published"\n}',
        "choice_body": '{\n  "action": "{{payload}}",\n  "version": "published"\n}',
        "start_body": '{\n  "action": {"type": "launch"},\n  "version": "published"\n}',
        **_traces("traces", "traces[?type=='handover' || type=='live-agent-handoff' || payload.name=='handover']"),
    },
    VOICEFLOW_LEGACY: {
        "url": "https://general-runtime.voiceflow.com/state/user/{{session_id}}/interact",
        "headers": "Authorization: {{secret}}\nversionID: production",
        "body": f'{{\n  "action": {{"type": "text", "payload": "{{{{text}}}}"}},\n{_CONFIG}}}',
        "choice_body": f'{{\n  "action": "{{{{payload}}}}",\n{_CONFIG}}}',
        "start_body": f'{{\n  "action": {{"type": "launch"}},\n{_CONFIG}}}',
        **_traces("", "[?type=='handover']"),
    },
}
USUAL: Preset = {"method": POST}
"""Of a preset that doesn't say otherwise; what a form shows before anybody chooses."""
FILLED = tuple(dict.fromkeys(name for preset in PRESETS.values() for name in preset))
"""The settings that a preset has a say in."""


def with_preset(chosen: str, values: Mapping[str, Any], saved: str = "") -> dict[str, Any]:
    """The settings, with the chosen preset's in place of empty ones. What another preset had filled in before goes
    with its body. `saved`: the preset that they were saved with; what was emptied since then stays empty, but for the
    body."""
    result = dict(values)
    if saved == chosen and values.get("body"):
        return result
    preset, body = {**USUAL, **PRESETS[chosen]}, values.get("body")
    before = next((other for kind, other in PRESETS.items() if kind != chosen and body == other["body"]), {})
    for name in FILLED:
        value = values.get(name) or ""
        if value in ("", before.get(name), USUAL.get(name)):
            result[name] = preset.get(name, "")
    return result
