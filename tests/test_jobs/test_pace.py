from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.jobs.pace import Pace
from backend.plan import Stepped


@pytest.fixture(scope="module")
def plan():
    import uuid

    from backend.families.facts import FAMILIES, Readings, facts_of_model
    from backend.plan import make_plan
    from protocol import Extent, Job

    facts = facts_of_model(FAMILIES["sd1"], "tiny", "Tiny", Readings(64, 8, 1, 4, 77, "epsilon"))
    return lambda count: make_plan(Job(uuid.uuid4().hex, Extent(64, 64), count=count), facts)


def test_even_steps_are_foretold_to_the_second(plan):
    pace = Pace(plan(1))
    told = [pace.progress(Stepped("painting", 0, step, 10), 100.0 + 2 * step) for step in range(1, 11)]
    assert told[0].seconds_left is None, "one step tells no rate"
    assert [progress.seconds_left for progress in told[1:]] == pytest.approx([16, 14, 12, 10, 8, 6, 4, 2, 0])


def test_a_whole_picture_counts_once_one_is_known(plan):
    pace = Pace(plan(3))
    now = 0.0
    for picture in range(3):
        for step in range(1, 6):
            now += 1.0
            progress = pace.progress(Stepped("painting", picture, step, 5), now)
            if picture and step == 1:
                # five seconds of steps and three of decoding; this one's first step is where it was timed from before
                assert progress.seconds_left == pytest.approx(8.0 * (3 - picture))
        now += 3.0
        pace.progress(Stepped("decoding", picture), now)
    assert progress.picture == 2


stages = st.sampled_from(["loading", "encoding", "painting", "decoding"])


@given(
    st.integers(1, 4),
    st.lists(
        st.tuples(stages, st.integers(-1, 5), st.integers(0, 12), st.integers(0, 10), st.floats(0, 100)), max_size=40
    ),
)
def test_whatever_comes_the_fraction_never_falls_and_the_time_is_never_negative(plan, count, events):
    pace, last, now = Pace(plan(count)), 0.0, 0.0
    for stage, picture, step, steps, seconds in events:
        now += seconds
        progress = pace.progress(Stepped(stage, picture, step, steps), now)
        assert last <= progress.fraction < 1.0
        last = progress.fraction
        assert progress.seconds_left is None or progress.seconds_left >= 0
        assert 0 <= progress.picture < progress.pictures == count


def test_pictures_at_once_are_foretold_together(plan):
    pace = Pace(plan(4))
    told = [pace.progress(Stepped("painting", 0, step, 10, together=2), 2.0 * step) for step in range(1, 11)]
    assert [progress.seconds_left for progress in told[1:]] == pytest.approx([36, 34, 32, 30, 28, 26, 24, 22, 20])
    assert told[-1].fraction == pytest.approx(2 * 0.96 / 4)
    assert pace.progress(Stepped("painting", 2, 10, 10, together=2), 40.0).fraction < 1.0
