"""The schedule of troubles: the same for the same seed, and some of everything."""

from tests.faults.schedule import CALM_S, Deed, Targets, draw_schedule

TARGETS = Targets(workers=4, guards=2, http_bots=["one"], chatlayer_bots=["two"])


def test_a_seed_repeats_a_schedule() -> None:
    assert draw_schedule(7, 60.0, TARGETS) == draw_schedule(7, 60.0, TARGETS)
    assert draw_schedule(7, 60.0, TARGETS) != draw_schedule(8, 60.0, TARGETS)


def test_some_of_everything_in_order_and_in_time() -> None:
    schedule = draw_schedule(7, 10.0, TARGETS)
    assert {trouble.deed for trouble in schedule} == set(Deed)
    moments = [trouble.at_s for trouble in schedule]
    assert moments == sorted(moments)
    assert moments[0] >= CALM_S
    assert moments[-1] <= 10.0


def test_only_what_is_asked_for() -> None:
    schedule = draw_schedule(7, 60.0, TARGETS, deeds=[Deed.KILL_WORKER], density=0.5)
    assert [trouble.deed for trouble in schedule] == [Deed.KILL_WORKER] * 3
    assert {trouble.target for trouble in schedule} <= {"1", "2", "3", "4"}


def test_a_trouble_says_what_it_is() -> None:
    told = [str(trouble).split(" s  ", 1)[1] for trouble in draw_schedule(7, 200.0, TARGETS)]
    assert "restart PostgreSQL" in told
    assert any(line.startswith("take Redis away for ") for line in told)
    assert any(line.startswith("bot fault two ") for line in told)
