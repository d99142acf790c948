"""The builds that are compared."""

from typing import Any

from tests.bench.build import Build, procfile
from tests.bench.events import KIND, SHARED_SECRET
from tests.bench.ground import flush

ACCOUNTS = 50
"""The platform allows an account 20 calls a second, and the bridge keeps to that. So the load is that of many
accounts, each with a channel of its own."""


class Floor(Build):
    """A web server only."""

    application = "tests.bench.floor"

    def prepare(self) -> None:
        self.ask(
            "CREATE TABLE event (id bigserial PRIMARY KEY, raw bytea NOT NULL, received_at timestamptz DEFAULT now())"
        )
        self.doors = ("/webhooks/",)  # the web server keeps most of its threads for these

    def empty(self) -> None:
        self.ask("TRUNCATE event")
        flush(self.redis_url)


class AsyncFloor(Build):
    """One process, with neither workers nor tables."""

    def prepare(self) -> None:
        self.doors = ("/webhooks/",)

    def empty(self) -> None:
        """It keeps nothing."""

    def need_web(self) -> None:
        if "web" not in self.processes:
            self.start_as("web", "tests.bench.async_floor")

    def need_workers(self) -> None:
        """It has none."""


class Bare(Build):
    """Workers only."""

    celery_app = "tests.bench.bare"

    def prepare(self) -> None:
        """It keeps nothing."""

    def empty(self) -> None:
        flush(self.redis_url)


class Naive(Build):
    application = "tests.bench.naive.wsgi"
    celery_app = "tests.bench.naive.celery"
    tables = "naive"

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"DJANGO_SETTINGS_MODULE": "tests.bench.naive.settings"}

    def prepare(self) -> None:
        self.manage("migrate", "--run-syncdb")
        self.ask(
            "INSERT INTO naive_channel (uuid, shared_secret)"
            f" SELECT gen_random_uuid(), '{SHARED_SECRET}' FROM generate_series(1, {ACCOUNTS})"
        )
        rows = self.ask("SELECT id, uuid FROM naive_channel ORDER BY id")
        self.channel_ids = [channel_id for channel_id, _ in rows]
        self.doors = [f"/webhooks/{uuid}/" for _, uuid in rows]

    def empty(self) -> None:
        self.ask("TRUNCATE naive_conversation CASCADE")
        flush(self.redis_url)


class Product(Build):
    application = "chatbridge.wsgi"
    celery_app = "chatbridge"
    tables = "channels_app"

    def prepare(self) -> None:
        self.manage("migrate")
        applied = self.apply(self._configuration())
        self.doors = [channel["webhook_url"].removeprefix(self.url) for channel in applied["channels"]]
        ids = {str(uuid): channel_id for channel_id, uuid in self.ask("SELECT id, uuid FROM channels_app_channel")}
        self.channel_ids = [ids[channel["uuid"]] for channel in applied["channels"]]

    def empty(self) -> None:
        tables = ("conversation", "contact", "eventbody", "message", "delivery", "exchange")
        self.ask(f"TRUNCATE {', '.join(f'channels_app_{name}' for name in tables)} CASCADE")
        flush(self.redis_url)

    def need_workers(self) -> None:
        """And the guard."""
        super().need_workers()
        if "guard" not in self.processes:
            self.start_as("guard", *procfile("guard"))

    def _configuration(self) -> dict[str, Any]:
        bot = {"name": "Bot", "kind": "http", "settings": {"url": f"{self.counterpart_url}/bot", "token": "bench"}}
        return {"bots": [bot], "channels": [self._channel(number) for number in range(ACCOUNTS)]}

    def _channel(self, number: int) -> dict[str, Any]:
        settings = {
            "base_url": self.counterpart_url,
            "client_id": f"account-{number}",
            "client_secret": "secret-of-the-bench",
            "organization_id": "1",
        }
        ours = {"shared_secret": SHARED_SECRET, "bot": "Bot", "greet": False}
        return {"name": f"Account {number}", "inbox": KIND, "settings": settings, **ours}


class Narrow(Product):
    """Each of its workers waits for few bots at a time, so that two of them don't fill one machine."""

    calls_at_once = 16

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"CALLS_AT_ONCE": str(self.calls_at_once)}
