"""What the local bridge has to know again at its next start."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from channels_app.lib.encryption import generate_key
from chatbridge.embedded.files import write_private
from chatbridge.local.processes import LocalError

SECRET_KEY_BYTES = 50


@dataclass
class Kept:
    """Kept in a file that only its owner reads."""

    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(SECRET_KEY_BYTES))
    encryption_keys: str = field(default_factory=generate_key)
    admin_password: str = ""
    """The last one that we made: it still opens the account unless its owner has chosen another."""
    account: dict[str, str] = field(default_factory=dict)
    """The simulator's API keys."""
    shared_secret: str = ""
    """The simulator's, for the signatures of its events."""
    write_back_secret: str = ""
    """The same for its reports of what agents did."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """From the file, or new ones when there is none. Raises LocalError."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError) as error:
            raise LocalError(
                f"{path} can't be read ({error}). Repair it, or remove the directory {path.parent} to start over."
            ) from error

    def save(self, path: Path) -> None:
        write_private(path, json.dumps(asdict(self), indent=2) + "\n")
