"""The demo channel, connected as an admin would: keys from the inbox, our configuration, the webhook in the inbox."""

import json
from pathlib import Path
from typing import Any

import requests

from chatbridge.embedded.files import write_private
from chatbridge.local.database import apply_configuration
from chatbridge.local.kept import Kept
from chatbridge.local.processes import LocalError

TIMEOUT_S = 10
KEYS = ("client_id", "client_secret", "organization_id")
SECRETS = ("shared_secret", "write_back_secret")


def open_account(simulator: str, kept: Kept) -> None:
    """In the simulator, which forgets with each start; `kept` learns the keys. Raises LocalError.

    Before a guard runs: it would find the keys of the last run refused, and the channel's page would say so.
    """
    account = _post(f"{simulator}/sim/accounts", {"flavour": "hootsuite", **kept.account})
    kept.account = {key: account[key] for key in KEYS}


def connect_demo(simulator: str, kept: Kept, file: Path) -> None:
    """Connects the account's inbox and the demo bot through this bridge, which answers already. Raises LocalError."""
    addresses = _apply(simulator, kept, file)
    virtual_agent = {
        "client_id": kept.account["client_id"],
        "name": "Demo",
        "webhook_url": addresses["webhook_url"],
        "write_back_url": addresses["write_back_url"],
        "channels": [{"id": "demo-web", "name": "Demo web chat"}],
    }
    known = {name: getattr(kept, name) for name in SECRETS}
    made = _post(f"{simulator}/sim/virtual-agents", virtual_agent | {name: one for name, one in known.items() if one})
    if known != {name: made[name] for name in SECRETS}:
        kept.shared_secret, kept.write_back_secret = (made[name] for name in SECRETS)
        _apply(simulator, kept, file)


def configuration(simulator: str, kept: Kept) -> dict[str, Any]:
    """The demo bot and channel, in the form of `apply_config`."""
    bot = {"name": "Demo bot", "kind": "http", "settings": {"url": f"{simulator}/bot"}}
    channel: dict[str, Any] = {
        "name": "Demo",
        "inbox": "hootsuite",
        "settings": {"base_url": simulator, **kept.account},
        "bot": bot["name"],
        "is_active": True,
    }
    if kept.shared_secret:
        channel["shared_secret"] = kept.shared_secret
    if kept.write_back_secret:
        channel["offload_provider"] = {"write_back_secret": kept.write_back_secret}
    return {"bots": [bot], "channels": [channel]}


def _apply(simulator: str, kept: Kept, file: Path) -> dict[str, str]:
    """The channel's addresses."""
    write_private(file, json.dumps(configuration(simulator, kept), indent=2) + "\n")
    addresses: dict[str, str] = apply_configuration(file)["channels"][0]
    return addresses


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    with requests.Session() as session:
        session.trust_env = False  # no proxy between two processes of this machine
        try:
            response = session.post(url, json=body, timeout=TIMEOUT_S)
            response.raise_for_status()
            answer: dict[str, Any] = response.json()
        except requests.RequestException as error:
            raise LocalError(f"The simulator did not accept the demo: {error}") from error
    return answer
