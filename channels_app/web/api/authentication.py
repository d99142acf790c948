"""Who calls: a program with a token, or a person with the session of the admin's log-in. And what they may do."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from channels_app.access.tokens import find_token, note_use
from channels_app.models import ApiToken

SCHEME = "Bearer"


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer cbt_…`. No other scheme is looked at, so that a session may still count."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != SCHEME.lower().encode():
            return None
        token = find_token(words[1].decode(errors="replace")) if len(words) == 2 else None
        if token is None:
            raise AuthenticationFailed
        note_use(token, request.META.get("REMOTE_ADDR", ""))
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class HasPermission(BasePermission):
    """What the operation says that it needs; without a word: to be logged in."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.user is None or not request.user.is_active:
            return False
        needed: str = getattr(getattr(view, str(request.method).lower(), None), "needs", "")
        if needed and not request.user.has_perm(needed):
            raise PermissionDenied(f"it needs the permission {needed}")
        return True
