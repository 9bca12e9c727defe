"""What the section on sealing says of its target."""

import pytest

from benches import sealing


def _round(clear: float, sealed: float, signed: float) -> dict[str, list[float]]:
    return {sealing.CLEAR: [clear] * 3, sealing.SEALED: [sealed] * 3, sealing.SIGNED: [signed] * 3}


@pytest.mark.parametrize(
    ("signed", "said"),
    [
        ([12.0, 13.0, 19.0], "is allowed: met, with 1.30."),
        ([12.0, 13.1, 13.2], "is allowed: missed, with 1.31."),
    ],
)
def test_the_section_says_whether_the_target_is_met_by_the_median_of_the_rounds(signed: list[float], said: str) -> None:
    """One slow round alone misses nothing, and one quick round alone meets nothing."""
    section = sealing.section([_round(10, 11, each) for each in signed], {2_000: 15.6})
    assert said in section
    assert f"{min(signed) / 10:.2f} to {max(signed) / 10:.2f}" in section
    assert "16 µs for 2 kB" in section
