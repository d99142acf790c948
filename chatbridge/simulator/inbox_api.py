"""The inbox's REST API in both flavours, as strict as the platform's."""

import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from chatbridge.simulator import figures
from chatbridge.simulator.conversation import JSON, Owner
from chatbridge.simulator.faults import STATUSES, Faults, Rule, strike
from chatbridge.simulator.ledger import Ledger
from chatbridge.simulator.manipulation import MalformedError, check_attributes, manipulate
from chatbridge.simulator.payloads import AGENT, timestamp
from chatbridge.simulator.platform import Account, Flavour, Platform
from chatbridge.simulator.refusals import RefusedError
from chatbridge.simulator.wire import answer

ATTACHMENT_LIMIT = 10_000_000
"""Bytes: "fewer than 10 MB"."""

FILE_NAME = re.compile(r"[A-Za-z0-9._-]+")

Action = Callable[[web.Request, Account, JSON], Awaitable[Any]]


class InboxApi:
    """Conversations, attachments, contact attributes and locks; the figures about queue and presence stand apart."""

    def __init__(self, platform: Platform, ledger: Ledger, faults: Faults) -> None:
        self.platform = platform
        self.ledger = ledger
        self.faults = faults

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Both flavours; presence, queue and contact attributes exist in Inbox 2.0 only."""
        for flavour, base in ((Flavour.CLASSIC, ""), (Flavour.HOOTSUITE, "/inbox/v1")):
            path = base + "/virtual-agent/conversations/{id}"
            router.add_post(path, self._handler("inbox", "conversation", flavour, self.manipulate))
            upload = self._handler("attachments", "attachment", flavour, self.upload)
            router.add_put(path + "/attachments/{filename}", upload)
        new = Flavour.HOOTSUITE
        attributes = self._handler("inbox", "attributes", new, self.set_attributes)
        router.add_put("/inbox/v2/contact/{contact}/contact-attributes", attributes)
        router.add_get("/inbox/v1/queue/lock", self._handler("inbox", "metrics", new, self.locks))
        for method, path, action in figures.routes(self.platform, self._read):
            router.add_route(method, f"/inbox/v1/{path}", self._handler("figures", "metrics", new, action))

    # The way of every request

    def _handler(
        self, target: str, kind: str, flavour: Flavour, action: Action
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            entry = self.ledger.add(kind, request.method, request.match_info.get("id"), None)
            self._show(entry)
            account: Account | None = None
            try:
                account = self._authenticate(request, flavour)
                entry["client_id"] = account.client_id
                response = await self._process(request, account, entry, target, action)
            except RefusedError as refused:
                response = refused.answer()
                entry["status"] = refused.status
            if account:
                response.headers.update(account.limits.headers())
            return response

        return handle

    async def _process(
        self, request: web.Request, account: Account, entry: JSON, target: str, action: Action
    ) -> web.Response:
        if code := account.limits.take():
            raise RefusedError(429, code=code)
        if rule := self.faults.pick(target, "before", account.client_id):
            await self._read(request, entry)
            if response := await self._fail(rule, request, entry):
                return response
        value = await action(request, account, entry)
        entry |= {"processed": True, "processed_at": time.time(), "status": 200}
        rule = self.faults.pick(target, "after", account.client_id)
        return (rule and await self._fail(rule, request, entry)) or answer(value)

    def _authenticate(self, request: web.Request, flavour: Flavour) -> Account:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        account = self.platform.account_of(token.strip()) if scheme.lower() == "bearer" else None
        if account is None or account.flavour is not flavour:
            raise RefusedError(401)
        return account

    async def _fail(self, rule: Rule, request: web.Request, entry: JSON) -> web.Response | None:
        """The fault's answer; a reset or a hang is status 0 in the ledger."""
        entry["fault"] = rule.fault
        if rule.fault == "taken":
            if conversation := self.platform.conversations.get(entry["conversation"] or ""):
                conversation.give_to(Owner.AGENT)
            return None
        if rule.fault in STATUSES:
            entry["status"] = int(rule.fault)
            return RefusedError(int(rule.fault), "Fault on request.").answer()
        if rule.fault != "slow":
            entry["status"] = 200 if rule.fault == "garbage" else 0
        return await strike(rule, request)

    def _show(self, entry: JSON) -> None:
        """The ledger's entry is the conversation's call too; its status fills in later."""
        conversation = self.platform.conversations.get(entry["conversation"] or "")
        if conversation and entry["kind"] == "conversation":
            conversation.calls.append(entry)

    @staticmethod
    async def _read(request: web.Request, entry: JSON) -> Any:
        """The JSON body, noted in the ledger; of a file only its size."""
        raw = await request.read()
        if entry["kind"] == "attachment":
            entry["body"] = {"name": request.match_info["filename"], "bytes": len(raw)}
            return raw
        try:
            entry["body"] = json.loads(raw)
        except ValueError:
            entry["body"] = raw[:200].decode(errors="replace")
            raise RefusedError(400, "The body is not JSON.") from None
        return entry["body"]

    # What can be asked

    async def manipulate(self, request: web.Request, account: Account, entry: JSON) -> JSON:
        """A manipulation of a conversation that is assigned to the virtual agent."""
        body = await self._read(request, entry)
        if request.content_type != "application/json":
            raise RefusedError(400, "The Content-Type must be application/json.")
        conversation = self.platform.assigned(account, request.match_info["id"])
        if conversation is None:
            raise RefusedError(404)
        try:
            manipulate(self.platform, account, conversation, body, inline=False)
        except MalformedError as error:
            raise RefusedError(400, str(error)) from None
        return {}

    async def upload(self, request: web.Request, account: Account, entry: JSON) -> JSON:
        """A file for a later message; its name is unique within the conversation."""
        name = request.match_info["filename"]
        if request.content_length is None or "Content-Type" not in request.headers:
            raise RefusedError(400, "Content-Type and Content-Length are required.")
        if request.content_length >= ATTACHMENT_LIMIT:
            raise RefusedError(400, "An attachment must have fewer than 10 MB.")
        raw = await self._read(request, entry)
        conversation = self.platform.assigned(account, request.match_info["id"])
        if conversation is None:
            raise RefusedError(404)
        if not FILE_NAME.fullmatch(name):
            raise RefusedError(400, "The file name has characters that are not allowed.")
        if name in conversation.attachments:
            raise RefusedError(400, "The file name exists already in this conversation.")
        if not raw:
            raise RefusedError(400, "The file is empty.")
        conversation.attachments[name] = {"name": name, "content_type": request.content_type, "bytes": len(raw)}
        return {}

    async def set_attributes(self, request: web.Request, account: Account, entry: JSON) -> JSON:
        """{"contactAttributes": [{"attribute", "value"}]} of a contact of this account."""
        body = await self._read(request, entry)
        conversation = self.platform.contacts.get(request.match_info["contact"])
        if conversation is None or conversation.client_id != account.client_id:
            raise RefusedError(404, "Contact profile not found in organization.")
        try:
            values = {item["attribute"]: item["value"] for item in body["contactAttributes"]}
            check_attributes("contactAttributes", values, conversation, inline=False)
        except (MalformedError, KeyError, TypeError) as error:
            raise RefusedError(400, str(error)) from None
        conversation.set_attributes(values)
        return {}

    async def locks(self, request: web.Request, account: Account, entry: JSON) -> JSON:
        """Which conversations agents have opened, since when."""
        return {
            "locks": [
                {
                    "conversationId": conversation.id,
                    "userId": AGENT["id"],
                    "lockedAt": timestamp(conversation.owners[-1]["at"]),
                }
                for conversation in self.platform.conversations.values()
                if conversation.client_id == account.client_id and conversation.owner is Owner.AGENT
            ]
        }
