"""The bridge as in production beside simulators, for a browser to look at."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chatbridge.simulator.server import Options, in_thread
from tests.bridge import Bridge, fresh_database

ADMIN = "anna"
PASSWORD = "correct horse battery staple"


@dataclass
class Stage(Bridge):
    """The processes, and what they need beyond a bridge of the other tests."""

    more: dict[str, str] = field(default_factory=dict)
    """Settings of this stage."""

    @property
    def environment(self) -> dict[str, str]:
        superuser = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
        return super().environment | superuser | self.more

    def make_superuser(self) -> None:
        self.manage("createsuperuser", "--no-input", "--username", ADMIN, "--email", "anna@example.com")


@contextmanager
def raised(directory: Path, **more: str) -> Iterator[Stage]:
    """An installation with its tables and nothing in them; the caller starts the processes."""
    with fresh_database() as url:
        stage = Stage(directory, url, more=more)
        stage.manage("migrate")
        try:
            yield stage
        finally:
            stage.stop()


@contextmanager
def simulators(count: int) -> Iterator[list[str]]:
    """So many inbox platforms that know nothing of each other, with bots: their addresses."""
    with ExitStack() as stack:
        yield [stack.enter_context(in_thread(Options(port=0))) for _ in range(count)]
