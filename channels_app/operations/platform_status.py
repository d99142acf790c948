"""What the platform's own status page says, for a line on the dashboard. Asked by the guards' housekeeping alone."""

from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings

from channels_app.codes import Problem, describe
from channels_app.lib import jsons
from channels_app.lib.clocks import database_now
from channels_app.lib.http.session import ApiSession
from channels_app.models import Job
from channels_app.protocol.errors import BridgeError

JOB = "status page"
STALE = timedelta(minutes=10)
"""What was read before says nothing any more: the page or the guards may be away."""
STATUS_PATH = "/api/v2/status.json"  # as Statuspage has it: {"status": {"indicator": …, "description": …}}
TROUBLE = frozenset({"minor", "major", "critical"})
MAX_DESCRIPTION = 200  # characters
_session = ApiSession(timeout_s=3, max_bytes=100_000)


def look_at_status_page() -> str:
    """Keep what it says now, and say so in words. A page that can't be read is no trouble of the platform's."""
    if not settings.STATUS_PAGE_URL:
        return "no status page is set"
    try:
        answer = _session.call("GET", settings.STATUS_PAGE_URL + STATUS_PATH)
        if answer.status != HTTPStatus.OK:
            return f"the status page answered {answer.status}"
        document = jsons.read(answer.body)
    except BridgeError as error:
        return f"the status page could not be read: {error.detail}"
    status = document.get("status") if isinstance(document, dict) else None
    if not isinstance(status, dict):
        return "the status page has an unexpected format"
    indicator = str(status.get("indicator"))
    description = " ".join(str(status.get("description") or indicator).split())[:MAX_DESCRIPTION]
    news = {"at": database_now().isoformat(), "url": settings.STATUS_PAGE_URL}
    Job.keep_positions(JOB, {**news, "indicator": indicator, "description": description})
    return "trouble is reported" if indicator in TROUBLE else "no trouble is reported"


def status_problems(now: datetime) -> list[Problem]:
    """The trouble that the status page reported lately; nothing without one. One small query, and no call."""
    if not settings.STATUS_PAGE_URL:
        return []
    seen = Job.read_positions(JOB)
    is_fresh = seen.get("url") == settings.STATUS_PAGE_URL and now - datetime.fromisoformat(seen["at"]) < STALE
    if not is_fresh or seen["indicator"] not in TROUBLE:
        return []
    return [describe("CB-712", description=seen["description"])]
