"""The two token endpoints. "HTTP Basic only": credentials in the body are refused."""

import base64
import binascii
import hmac

from aiohttp import web

from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.faults import STATUSES, Faults, strike
from chatbridge.simulator.ledger import Ledger
from chatbridge.simulator.platform import Account, Flavour, Platform
from chatbridge.simulator.wire import answer

FORM = "application/x-www-form-urlencoded"


class TokenError(Exception):
    """{"error", "error_description", "error_hint", "status_code"}."""

    def __init__(self, error: str, hint: str, status: int = 401) -> None:
        super().__init__(error)
        self.status = status
        description = "Client authentication failed." if error == "invalid_client" else "The request can't be granted."
        self.body = {"error": error, "error_description": description, "error_hint": hint, "status_code": status}


class TokenApi:
    """Gives tokens; these requests don't count against the account's limits."""

    def __init__(self, platform: Platform, ledger: Ledger, faults: Faults) -> None:
        self.platform = platform
        self.ledger = ledger
        self.faults = faults

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """One path per flavour."""
        router.add_post("/virtual-agent/oauth2/token", self.classic)
        router.add_post("/oauth2/token", self.hootsuite)

    async def classic(self, request: web.Request) -> web.Response:
        """Sparkcentral classic."""
        return await self._token(request, Flavour.CLASSIC)

    async def hootsuite(self, request: web.Request) -> web.Response:
        """Hootsuite Inbox 2.0."""
        return await self._token(request, Flavour.HOOTSUITE)

    async def _token(self, request: web.Request, flavour: Flavour) -> web.Response:
        entry = self.ledger.add("token", request.method, None, None)
        user, password = _basic(request)
        entry["client_id"] = user or None
        if response := await self._fail("before", request, entry):
            return response
        try:
            account = self._client(user, password, flavour)
            await self._check_grant(request, account)
        except TokenError as error:
            entry["status"] = error.status
            return answer(error.body, error.status)
        token, expires_in = self.platform.issue_token(account)
        entry |= {"processed": True, "status": 200}
        given = answer({"access_token": token, "token_type": "bearer", "expires_in": expires_in})
        return await self._fail("after", request, entry) or given

    async def _fail(self, when: str, request: web.Request, entry: JSON) -> web.Response | None:
        rule = self.faults.pick("token", when, entry["client_id"])
        if rule is None:
            return None
        entry["fault"] = rule.fault
        if rule.fault in STATUSES:
            entry["status"] = status = int(rule.fault)
            error = "invalid_client" if status == 401 else "server_error"
            return answer(TokenError(error, "Fault on request.", status).body, status)
        if rule.fault != "slow":
            entry["status"] = 200 if rule.fault == "garbage" else 0
        return await strike(rule, request)

    def _client(self, user: str, password: str, flavour: Flavour) -> Account:
        account = self.platform.accounts.get(user)
        if not user:
            raise TokenError("invalid_client", "Send client id and secret by HTTP Basic.")
        if account is None or account.flavour is not flavour:
            raise TokenError("invalid_client", "The client id is unknown here.")
        if not hmac.compare_digest(account.client_secret.encode(), password.encode()):
            raise TokenError("invalid_client", "The client secret is wrong.")
        return account

    @staticmethod
    async def _check_grant(request: web.Request, account: Account) -> None:
        if request.content_type != FORM:
            raise TokenError("invalid_request", f"The Content-Type must be {FORM}.", 400)
        form = await request.post()
        if "client_id" in form or "client_secret" in form:
            raise TokenError("invalid_client", "Credentials in the body are not accepted; use HTTP Basic.")
        grant = "client_credentials" if account.flavour is Flavour.CLASSIC else "organization_app"
        if form.get("grant_type") != grant:
            raise TokenError("unsupported_grant_type", f"grant_type must be {grant}.", 400)
        if account.flavour is Flavour.CLASSIC and form.get("scope") != "client-read":
            raise TokenError("invalid_scope", "scope must be client-read.", 400)
        if account.flavour is Flavour.HOOTSUITE and form.get("organization_id") != account.organization_id:
            raise TokenError("invalid_grant", "organization_id is not the organization of this client.", 400)


def _basic(request: web.Request) -> tuple[str, str]:
    """User and password of HTTP Basic, both empty when there are none."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
