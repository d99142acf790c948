"""The names of permissions, and who acts by a request."""

from django.http import HttpRequest

from channels_app.access.audit import Actor

READ_TEXT = "channels_app.view_message_text"
REPLAY = "channels_app.replay"
HAND_OVER = "channels_app.hand_over"
PAUSE = "channels_app.pause_channel"
SEE = "channels_app.view_conversation"
"""Permission to see conversations includes the operator pages; texts need READ_TEXT."""
SEE_AUDIT_LOG = "channels_app.view_auditentry"
SEE_CHANNEL = "channels_app.view_channel"
ADD_CHANNEL = "channels_app.add_channel"
CHANGE_CHANNEL = "channels_app.change_channel"
DELETE_CHANNEL = "channels_app.delete_channel"
SEE_BOT = "channels_app.view_bot"
ADD_BOT = "channels_app.add_bot"
CHANGE_BOT = "channels_app.change_bot"
SEE_TOKENS = "channels_app.view_apitoken"
CHANGE_TOKENS = "channels_app.change_apitoken"


def actor_of(request: HttpRequest, via: str = "operations") -> Actor:
    """Who acts by this request, for the audit log."""
    address = request.META.get("REMOTE_ADDR", "")
    return Actor(name=request.user.get_username(), user_id=request.user.pk, address=address, via=via)
