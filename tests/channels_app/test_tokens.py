"""One token for all workers: fetched once, early, and by nobody's hand held up."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from channels_app.adapters.inboxes.tokens import Token, TokenSource, forget_tokens
from channels_app.protocol.errors import BridgeError, ConfigError, Effect, PayloadError, TemporaryError
from tests.bridge import PATIENCE_S

START = datetime(2026, 1, 1, tzinfo=UTC)
LIFE_S = 1000


class Store:
    """What the rows of a database do, in memory; shared by the "processes" of a test."""

    def __init__(self, clock: "Clock") -> None:
        self.clock = clock
        self.token: Token | None = None
        self.claimed_until: datetime | None = None
        self.errors: list[BridgeError] = []
        self.loads = 0
        self.lock = threading.Lock()

    def load(self) -> Token | None:
        self.loads += 1
        return self.token

    def claim_refresh(self, *, lease_s: float) -> bool:
        with self.lock:
            if self.claimed_until and self.clock() < self.claimed_until:
                return False
            self.claimed_until = self.clock() + timedelta(seconds=lease_s)
            return True

    def save(self, token: Token) -> None:
        self.token, self.claimed_until = token, None

    def refresh_failed(self, error: BridgeError) -> None:
        self.errors.append(error)
        self.claimed_until = None


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class RealClock(Clock):
    def __call__(self) -> datetime:
        return datetime.now(UTC)


class World:
    """The store, the platform and the time around a TokenSource."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.store = Store(self.clock)
        self.fetched = 0
        self.error: Exception | None = None
        self.source = TokenSource(self.store, self.fetch, key="acme", clock=self.clock, sleep=self.clock.sleep)

    def fetch(self) -> Token:
        self.fetched += 1
        if self.error:
            raise self.error
        return Token.issued(f"token {self.fetched}", lifetime_s=LIFE_S, now=self.clock())

    def pass_time(self, seconds: float) -> None:
        self.clock.sleep(seconds)


@pytest.fixture
def world() -> Iterator[World]:
    forget_tokens()
    yield World()
    forget_tokens()


def test_a_token_is_fetched_once_and_then_known(world):
    assert [world.source.get() for _ in range(3)] == ["token 1"] * 3
    assert world.fetched == 1
    assert world.store.loads == 2  # before the claim and after it
    assert world.store.claimed_until is None


def test_the_token_of_another_process_is_taken_from_the_store(world):
    world.source.get()
    forget_tokens()
    assert world.source.get() == "token 1"
    assert world.fetched == 1


def test_it_is_refreshed_at_four_fifths_of_its_life(world):
    world.source.get()
    world.pass_time(799)
    assert world.source.get() == "token 1"
    world.pass_time(1)
    assert world.source.get() == "token 2"


def test_while_another_worker_refreshes_the_old_token_serves(world):
    world.source.get()
    world.pass_time(900)
    world.store.claim_refresh(lease_s=20)
    loads = world.store.loads
    assert [world.source.get() for _ in range(5)] == ["token 1"] * 5
    assert world.store.loads == loads + 1  # one look a second is enough
    world.store.save(world.fetch())
    world.pass_time(1)
    assert world.source.get() == "token 2"


def test_without_a_token_the_winners_is_waited_for(world):
    world.store.claim_refresh(lease_s=60)

    def sleep(seconds: float) -> None:
        world.pass_time(seconds)
        if world.clock() >= START + timedelta(seconds=3):
            world.store.save(Token.issued("theirs", lifetime_s=LIFE_S, now=world.clock()))

    world.source._sleep = sleep
    assert world.source.get() == "theirs"
    assert world.fetched == 0


def test_a_winner_that_never_comes_back_is_not_waited_for_longer_than_its_lease(world):
    world.store.claim_refresh(lease_s=5)
    assert world.source.get() == "token 1"


def test_when_nobody_gets_a_token_the_call_has_done_nothing(world):
    world.store.claim_refresh(lease_s=60)
    with pytest.raises(TemporaryError) as caught:
        world.source.get()
    assert caught.value.effect is Effect.NONE
    assert world.clock() < START + timedelta(seconds=11)


def test_somebody_who_finished_between_our_look_and_our_claim_is_noticed(world):
    claim = world.store.claim_refresh

    def claim_late(*, lease_s):
        world.store.save(Token.issued("theirs", lifetime_s=LIFE_S, now=world.clock()))
        return claim(lease_s=lease_s)

    world.store.claim_refresh = claim_late
    assert world.source.get() == "theirs"
    assert world.fetched == 0
    assert world.store.claimed_until is None


@pytest.mark.parametrize(
    "error", [TemporaryError("slow", effect=Effect.UNKNOWN, status=504), PayloadError("garbage", status=200)]
)
def test_a_fetch_that_failed_has_no_effect_on_the_call(world, error):
    world.error = error
    with pytest.raises(TemporaryError) as caught:
        world.source.get()
    assert caught.value.effect is Effect.NONE
    assert (caught.value.detail, caught.value.status) == (error.detail, error.status)
    assert world.store.errors == [error]


def test_keys_that_are_refused_are_said(world):
    world.error = ConfigError("The keys are refused.", status=401)
    with pytest.raises(ConfigError, match="refused"):
        world.source.get()
    assert world.store.claimed_until is None


def test_a_mistake_of_ours_is_seen_and_frees_the_claim(world):
    world.error = KeyError("access_token")
    with pytest.raises(KeyError):
        world.source.get()
    assert "access_token" not in str(world.store.errors[0])
    assert world.store.claimed_until is None


def test_after_a_failed_refresh_the_old_token_serves_and_the_platform_is_left_alone(world):
    world.source.get()
    world.pass_time(850)
    world.error = TemporaryError("busy", effect=Effect.NONE)
    assert [world.source.get() for _ in range(5)] == ["token 1"] * 5
    assert world.fetched == 2
    world.error = None
    world.pass_time(16)
    assert world.source.get() == "token 3"


def test_a_token_that_is_over_is_not_used_although_nobody_has_a_new_one(world):
    world.source.get()
    world.pass_time(LIFE_S)
    world.error = TemporaryError("busy", effect=Effect.NONE)
    with pytest.raises(TemporaryError):
        world.source.get()


def test_a_token_is_not_kept_beyond_its_life(world):
    world.source.get()
    world.pass_time(850)
    world.error = TemporaryError("busy", effect=Effect.NONE)
    world.pass_time(140)
    assert world.source.get() == "token 1"
    world.pass_time(9)
    world.error = None
    assert world.source.get() == "token 3"


def test_a_token_that_would_end_on_the_way_does_not_serve(world):
    world.source.get()
    world.pass_time(LIFE_S - 4)
    world.store.claim_refresh(lease_s=60)
    with pytest.raises(TemporaryError):
        world.source.get()


def test_a_rejected_token_is_replaced_once(world):
    rejected = world.source.get()
    assert world.source.replace(rejected) == "token 2"
    assert world.source.replace(rejected) == "token 2"
    assert world.source.get() == "token 2"
    assert world.fetched == 2


def test_a_rejected_token_that_another_process_has_replaced_is_not_fetched_again(world):
    rejected = world.source.get()
    world.store.save(Token.issued("theirs", lifetime_s=LIFE_S, now=world.clock()))
    assert world.source.replace(rejected) == "theirs"
    assert world.fetched == 1


def test_a_rejected_token_does_not_serve_while_another_worker_refreshes(world):
    rejected = world.source.get()
    world.store.claim_refresh(lease_s=60)
    with pytest.raises(TemporaryError):
        world.source.replace(rejected)


def test_accounts_have_tokens_of_their_own(world):
    world.source.get()
    other = TokenSource(Store(world.clock), world.fetch, key="other", clock=world.clock, sleep=world.clock.sleep)
    assert other.get() == "token 2"
    assert world.source.get() == "token 1"


def test_a_token_is_not_shown(world):
    assert "canary" not in repr(Token("canary", START, START))


class Crowd(World):
    """Many threads in real time, and a platform that answers when told to."""

    def __init__(self) -> None:
        super().__init__(RealClock())
        self.may_answer = threading.Event()
        self.sources = [TokenSource(self.store, self.fetch, key="acme") for _ in range(16)]

    def fetch(self) -> Token:
        self.may_answer.wait(PATIENCE_S)
        return super().fetch()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    forget_tokens()
    yield Crowd()
    forget_tokens()


def test_of_many_threads_one_fetches_and_the_others_wait(crowd):
    with ThreadPoolExecutor(16) as pool:
        tokens = [pool.submit(source.get) for source in crowd.sources]
        crowd.may_answer.set()
        assert {token.result() for token in tokens} == {"token 1"}
    assert crowd.fetched == 1


def test_of_many_threads_with_a_token_that_serves_nobody_waits(crowd):
    now = crowd.clock()
    crowd.store.token = Token("old", now + timedelta(seconds=100), now)
    with ThreadPoolExecutor(16) as pool:
        tokens = [pool.submit(source.get) for source in crowd.sources]
        while sum(token.done() for token in tokens) < 15:
            threading.Event().wait(0.01)
        crowd.may_answer.set()
        assert sorted(token.result() for token in tokens) == ["old"] * 15 + ["token 1"]


def test_when_the_keys_are_refused_the_waiting_threads_hear_it_without_asking_again(crowd):
    crowd.error = ConfigError("The keys are refused.")
    with ThreadPoolExecutor(16) as pool:
        tokens = [pool.submit(source.get) for source in crowd.sources]
        while crowd.store.loads < 17:  # all have looked once, one of them twice
            threading.Event().wait(0.01)
        crowd.may_answer.set()
        assert all(isinstance(token.exception(), ConfigError) for token in tokens)
    assert crowd.fetched == 1
