"""What went wrong on the wire, as one of our errors."""

import http.client
import socket
import ssl

from urllib3.exceptions import DecodeError, HTTPError

from channels_app.lib.http.sockets import CallState, UnaskedAnswerError
from channels_app.protocol.errors import BridgeError, Effect, PayloadError, TemporaryError

FAILURES = (HTTPError, http.client.HTTPException, OSError, UnicodeError)


def cause_of(error: BaseException) -> BaseException:
    """What urllib3 has wrapped, sometimes twice."""
    while not isinstance(error, DecodeError):
        inner = next((part for part in error.args if isinstance(part, BaseException)), error.__cause__)
        if inner is None:
            return error
        error = inner
    return error


def failure_of(name: str, exchange: CallState, cause: BaseException) -> BridgeError:
    if isinstance(cause, DecodeError):
        return PayloadError(f"{name}: the answer is wrongly compressed.", status=exchange.status)
    effect = Effect.NONE if exchange.was_not_sent else Effect.UNKNOWN
    timed_out = isinstance(cause, TimeoutError)
    return TemporaryError(f"{name}: {_reason(cause)}.", effect=effect, timed_out=timed_out, status=exchange.status)


def _reason(cause: BaseException) -> str:
    """In words of our own: an exception's text may hold what the other side sent."""
    match cause:
        case TimeoutError():
            return "no complete answer in time"
        case socket.gaierror() | UnicodeError():
            return "the host name can't be resolved"
        case ssl.SSLCertVerificationError():
            return f"the TLS certificate is not valid ({cause.verify_message})"
        case ssl.SSLError():
            return f"TLS failed ({cause.reason or 'the connection broke'})"
        case UnaskedAnswerError():
            return "an answer arrived that belongs to no request"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionError():
            return "the connection was closed"
        case http.client.IncompleteRead():
            return "the answer broke off"
        case http.client.LineTooLong():
            return "a line of the answer's headers has more than 64 kB"
        case OSError():
            return f"no connection ({cause.strerror or type(cause).__name__})"
        case _:
            return "the answer is not valid HTTP"
