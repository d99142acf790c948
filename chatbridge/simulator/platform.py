"""The inbox's truth: accounts, virtual agents, conversations and who owns them. No HTTP here."""

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil

from chatbridge.simulator.conversation import JSON, Conversation, Owner, Said
from chatbridge.simulator.limits import Limits

TOKEN_LIFETIME_S = 3600.0
"""About one hour, as the platform's tokens."""

KEPT_CONVERSATIONS = 100_000
"""The oldest are forgotten first (and answer 404 then)."""


class UnknownError(LookupError):
    """Nothing has this name or id."""


class Flavour(StrEnum):
    """The two generations of the API."""

    CLASSIC = "classic"
    HOOTSUITE = "hootsuite"


class TagForm(StrEnum):
    """In which form a REST call's tags are taken; the other one costs the whole call."""

    OBJECTS = "objects"
    """With their messageId, as the prose says."""
    STRINGS = "strings"
    """For the latest message, as the machine-readable schema says."""


class Presence(StrEnum):
    AVAILABLE = "AVAILABLE"
    AWAY = "AWAY"


@dataclass(slots=True)
class Agent:
    """A human who is logged in."""

    id: str
    presence: str = Presence.AVAILABLE
    teams: list[str] = field(default_factory=list)
    changed_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Account:
    """One customer's credentials and limits. `topics` None: every topic's name exists. `tags`: see TagForm."""

    flavour: Flavour
    client_id: str
    client_secret: str
    organization_id: str
    token_lifetime_s: float = TOKEN_LIFETIME_S
    topics: list[str] | None = None
    agents: list[Agent] = field(default_factory=list)
    tags: TagForm = TagForm.OBJECTS
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True)
class VirtualAgent:
    """A bot's seat in the inbox; secrets are hexadecimal strings, as the platform shows them."""

    id: str
    client_id: str
    name: str
    webhook_url: str
    shared_secret: str
    kind: str = "inception"
    channels: list[JSON] = field(default_factory=list)
    write_back_url: str = ""
    write_back_secret: str = ""
    reply_limit_s: float | None = None
    is_enabled: bool = True

    def serves(self, channel: JSON) -> bool:
        """Is it switched on for this channel? Without a list it is for all."""
        return self.is_enabled and (not self.channels or channel["id"] in {known["id"] for known in self.channels})


@dataclass(slots=True)
class Platform:
    """All accounts of this inbox. `on_status` hears of resolved and pending conversations: (it, previous)."""

    accounts: dict[str, Account] = field(default_factory=dict)
    virtual_agents: dict[str, VirtualAgent] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    contacts: dict[str, Conversation] = field(default_factory=dict)
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    on_status: Callable[[Conversation, str], None] = lambda conversation, previous: None

    def clear(self) -> None:
        """Back to an empty inbox."""
        for conversation in self.conversations.values():
            conversation.answered()
        for table in (self.accounts, self.virtual_agents, self.conversations, self.contacts, self.tokens):
            table.clear()

    # Set-up, as an admin does it

    def add_account(self, account: Account) -> None:
        """Add or replace; the tokens of replaced credentials end at once."""
        self.tokens = {token: held for token, held in self.tokens.items() if held[0] != account.client_id}
        self.accounts[account.client_id] = account

    def account(self, client_id: str) -> Account:
        """The account with these keys."""
        try:
            return self.accounts[client_id]
        except KeyError:
            raise UnknownError(f"no account with client_id {client_id!r}; POST /sim/accounts first") from None

    def add_virtual_agent(self, virtual_agent: VirtualAgent) -> None:
        """Add or replace by id."""
        self.account(virtual_agent.client_id)
        self.virtual_agents[virtual_agent.id] = virtual_agent

    def find_virtual_agent(self, name: str, client_id: str | None = None) -> VirtualAgent:
        """By id, else by name (within an account, if given)."""
        if found := self.virtual_agents.get(name):
            return found
        for virtual_agent in self.virtual_agents.values():
            if virtual_agent.name == name and client_id in (None, virtual_agent.client_id):
                return virtual_agent
        raise UnknownError(f"no virtual agent {name!r}")

    # Tokens

    def issue_token(self, account: Account) -> tuple[str, int]:
        """A new token and the whole seconds it surely lives: 3599 for an hour, as the platform says."""
        now = time.monotonic()
        self.tokens = {token: held for token, held in self.tokens.items() if held[1] > now}
        token = secrets.token_urlsafe(32)
        self.tokens[token] = (account.client_id, now + account.token_lifetime_s)
        return token, max(0, ceil(account.token_lifetime_s) - 1)

    def account_of(self, token: str) -> Account | None:
        """Whose token this is, if it still lives."""
        client_id, ends_at = self.tokens.get(token, ("", 0.0))
        return self.accounts.get(client_id) if ends_at > time.monotonic() else None

    # Conversations

    def open_conversation(self, conversation: Conversation) -> None:
        """Add (or restart) and assign to its virtual agent, if that is active on the channel."""
        while conversation.id not in self.conversations and len(self.conversations) >= KEPT_CONVERSATIONS:
            oldest = self.conversations.pop(next(iter(self.conversations)))
            self.contacts.pop(oldest.contact.get("id", ""), None)
        self.conversations[conversation.id] = conversation
        self.contacts[conversation.contact["id"]] = conversation
        is_served = self.virtual_agents[conversation.virtual_agent_id].serves(conversation.channel)
        conversation.status = "new"
        conversation.give_to(Owner.VIRTUAL_AGENT if is_served else Owner.QUEUE)

    def conversation(self, conversation_id: str) -> Conversation:
        """The conversation with this id."""
        try:
            return self.conversations[conversation_id]
        except KeyError:
            raise UnknownError(f"no conversation {conversation_id!r}") from None

    def assigned(self, account: Account, conversation_id: str) -> Conversation | None:
        """The conversation, if a virtual agent of this account owns it now."""
        conversation = self.conversations.get(conversation_id)
        is_theirs = conversation is not None and conversation.client_id == account.client_id
        return conversation if is_theirs and conversation and conversation.owner is Owner.VIRTUAL_AGENT else None

    def queue(self, client_id: str | None = None) -> list[Conversation]:
        """Who waits for a human, longest first."""
        waiting = [
            conversation
            for conversation in self.conversations.values()
            if conversation.owner is Owner.QUEUE and client_id in (None, conversation.client_id)
        ]
        return sorted(waiting, key=lambda conversation: conversation.queued_at)

    # What agents do, and the virtual agent by `complete`

    def agent_says(self, conversation: Conversation, text: str | None) -> Said:
        """A human answers, which makes the conversation theirs."""
        conversation.give_to(Owner.AGENT)
        return conversation.say("agent", text)

    def delegate(self, conversation: Conversation, name: str | None) -> VirtualAgent:
        """Give to the named virtual agent, else to one for delegation, else to its first one."""
        if name:
            chosen = self.find_virtual_agent(name, conversation.client_id)
        else:
            mates = (mate for mate in self.virtual_agents.values() if mate.client_id == conversation.client_id)
            own = self.virtual_agents[conversation.virtual_agent_id]
            chosen = next((mate for mate in mates if mate.kind == "delegation" and mate.is_enabled), own)
        conversation.virtual_agent_id = chosen.id
        conversation.status = "new"
        conversation.give_to(Owner.VIRTUAL_AGENT)
        return chosen

    def resolve(self, conversation: Conversation) -> None:
        """The conversation is over."""
        previous, conversation.status = conversation.status, "resolved"
        conversation.give_to(Owner.CLOSED)
        self.on_status(conversation, previous)

    def set_pending(self, conversation: Conversation) -> None:
        """A human parks the conversation and keeps it."""
        previous, conversation.status = conversation.status, "pending"
        conversation.give_to(Owner.AGENT)
        self.on_status(conversation, previous)


def new_conversation_id() -> str:
    """In the platform's form: 0-01e67a8c216-000-8c9ea98e."""
    return f"0-{int(time.time() * 1000):011x}-000-{secrets.token_hex(4)}"


def new_id() -> str:
    """A random id."""
    return str(uuid.uuid4())
