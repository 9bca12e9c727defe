"""Random walks through the procedure under every shipped agreement.

``HOMEWARD_WALKS`` says how many seeded walks to take (20000 in the separate make target); run with
``-s`` to see how deep they went.
"""

import os
import time
from datetime import timedelta
from random import Random

from courses import shipped
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from walking import Tally, Walk

WALKS = int(os.environ.get("HOMEWARD_WALKS", "150"))
STAGES = (
    "guardianship",
    "family_tracing",
    "best_interests",
    "decision",
    "travel",
    "reintegration",
    "other_solution",
    "closed",
)


def test_nothing_bends_on_any_random_walk() -> None:
    """Random acts, people, places and waiting times under every agreement break no promise; the walks go deep."""
    agreements = sorted(shipped())
    tally, began = Tally(), time.perf_counter()
    for seed in range(WALKS):
        die = Random(seed)
        walk = Walk(die, agreements[seed % len(agreements)])
        walk.run(die.randint(20, 90))
        tally.count(walk)
    print("\n".join(["", *tally.lines(time.perf_counter() - began)]))
    for stage in STAGES:
        assert tally.reached[stage] > 0, f"no walk reached {stage}; the walks are too shallow to show anything"
    assert tally.accepted / tally.walks > 15


class Procedure(RuleBasedStateMachine):
    """The same steps in Hypothesis' hands, which looks for the shortest way to a broken promise."""

    @initialize(die=st.randoms(use_true_random=False), agreement=st.sampled_from(sorted(shipped())))
    def opens(self, die: Random, agreement: str) -> None:
        self.walk = Walk(die, agreement)

    def _with(self, die: Random) -> Walk:
        self.walk.die = die
        return self.walk

    @rule(die=st.randoms(use_true_random=False))
    def somebody_does_what_is_owed(self, die: Random) -> None:
        self._with(die).do_what_is_owed()

    @rule(die=st.randoms(use_true_random=False))
    def somebody_does_what_helps(self, die: Random) -> None:
        self._with(die).do_what_helps()

    @rule(die=st.randoms(use_true_random=False))
    def anybody_does_anything(self, die: Random) -> None:
        self._with(die).do_anything()

    @rule(minutes=st.integers(1, 365 * 24 * 60))
    def time_passes(self, minutes: int) -> None:
        self.walk.pass_time(self.walk.course.at + timedelta(minutes=minutes))

    def teardown(self) -> None:
        if hasattr(self, "walk"):
            self.walk.finish()


def test_nothing_bends_in_the_state_machine() -> None:
    """Hypothesis finds no sequence of acts and waiting times that breaks a promise."""
    run_state_machine_as_test(
        Procedure,
        settings=settings(
            max_examples=max(25, WALKS // 100),
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=(
                HealthCheck.too_slow,
                HealthCheck.data_too_large,
                HealthCheck.filter_too_much,
                HealthCheck.large_base_example,
            ),
        ),
    )
