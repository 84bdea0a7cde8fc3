"""Labels made of recorded data: onset of a high NEWS2, which rows are asked, and what is counted."""

import numpy as np

from nightlamp._core import catalogue
from nightlamp.score.labels import Labels, labels
from nightlamp.score.recording import HOUR_US, Recording

NUMBER = {row["name"]: int(row["number"]) for row in catalogue()}
#: Points: respiration 25 is 3, systolic pressure 90 is 3, heart rate 131 is 3; the others are 0.
CALM = {"Resp": 16.0, "SBP": 120.0, "HR": 80.0}
ILL = {"Resp": 25.0, "SBP": 90.0, "HR": 131.0}


def stays(*hours: list[dict[str, float]]) -> Recording:
    """One stay a list, one row an hour, what was observed in it."""
    events = [
        (stay, NUMBER[name], hour * HOUR_US, value)
        for stay, told in enumerate(hours)
        for hour, values in enumerate(told, 1)
        for name, value in sorted(values.items())
    ]
    rows = [(stay, hour * HOUR_US) for stay, told in enumerate(hours) for hour in range(1, len(told) + 1)]
    columns = list(zip(*events, strict=True))
    return Recording(
        patient=np.array(columns[0]),
        signal=np.array(columns[1], dtype=np.uint16),
        observed_at_us=np.array(columns[2]),
        value=np.array(columns[3]),
        row_patient=np.array([stay for stay, _ in rows]),
        row_at_us=np.array([at for _, at in rows]),
        label=np.zeros(len(rows), dtype=np.int8),
        encounter_patient=np.empty(0, dtype=np.int64),
        encounters=[],
        patient_id=[f"made-up-{n}" for n in range(len(hours))],
        site=np.array(["A"] * len(hours)),
        source="made up",
        dropped={},
    )


def onset(*hours: list[dict[str, float]]) -> Labels:
    return labels(stays(*hours), "news2_onset", points=7, horizon_h=6)


def test_rows_before_a_high_score_are_1_within_the_horizon_and_those_with_one_are_not_asked() -> None:
    found = onset([CALM] * 8 + [ILL, ILL, CALM, CALM])
    assert found.value.tolist() == [0, 0, 1, 1, 1, 1, 1, 1, -1, -1, 0, -1]
    assert found.onset.tolist() == [8]
    assert found.lead_h(np.array([0, 12])).tolist()[:9] == [8, 7, 6, 5, 4, 3, 2, 1, 1]
    assert np.isnan(found.lead_h(np.array([0, 12]))[9:]).all()


def test_each_row_looks_to_the_next_onset_of_its_own_stay_only() -> None:
    found = onset([CALM, ILL, CALM, CALM, ILL, CALM], [CALM, CALM, CALM])
    assert found.value.tolist() == [1, -1, 1, 1, -1, -1, 0, 0, -1]
    assert (found.onset.tolist(), found.counts["onsets"]) == ([1, -1], 2)


def test_a_score_of_nothing_and_rows_after_which_nothing_was_observed_are_not_asked_and_counted() -> None:
    found = onset([{}, {"Lactate": 1.0}, CALM, CALM, {}, {}])
    assert found.value.tolist() == [-1, -1, 0, -1, -1, -1]
    assert found.counts == {
        "rows_outcome_present": 0,
        "rows_without_score": 2,
        "rows_without_later_observation": 3,
        "rows_labelled_0_that_end_within_the_horizon": 1,
        "onsets": 0,
    }


def test_oxygen_counts_by_its_fraction_and_a_missing_item_adds_nothing() -> None:
    ill_by_five = {"Resp": 25.0, "O2Sat": 93.0}
    assert onset([CALM, ill_by_five, CALM]).value.tolist() == [0, 0, -1]
    assert onset([CALM, ill_by_five | {"FiO2": 0.4}, CALM]).value.tolist() == [1, -1, -1]
