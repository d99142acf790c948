"""How the inbox's REST API says no."""

from aiohttp import web

from chatbridge.simulator.platform import new_id
from chatbridge.simulator.wire import answer

MESSAGES = {
    400: "The request is malformed.",
    401: "The access token is invalid or expired.",
    404: "The conversation does not exist or is not assigned to this virtual agent.",
    429: "Too many requests.",
}


class RefusedError(Exception):
    """An error answer: {"errors": [{"code", "message", "id"}]}. Codes other than the limits' aren't documented."""

    def __init__(self, status: int, message: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or status
        self.message = message or MESSAGES.get(status, "Something went wrong.")

    def answer(self) -> web.Response:
        """In the documented shape."""
        error = {"code": self.code, "message": self.message, "id": new_id()}
        return answer({"errors": [error]}, self.status)
