"""What alerts amount to, how two policies differ: small cases by hand, larger ones against another way of counting."""

import random
from itertools import pairwise

import pytest

from nightlamp.policy_simulation.difference import difference
from nightlamp.policy_simulation.figures import figures
from nightlamp.policy_simulation.outcomes import HOUR_US, Moves, Onsets
from nightlamp.policy_simulation.simulated import DAY_US, Alert, Simulated, Stay

MINUTE_US = 60_000_000


def alert(patient: str | None, opened_us: int, **other: object) -> Alert:
    plain = {
        "rule": "news2-high",
        "cause": "news2",
        "subject": "",
        "severity": "high",
        "severity_max": "high",
        "unit": "W1",
        "cleared_us": None,
        "held": False,
    }
    return Alert(patient=patient, opened_us=opened_us, **(plain | other))  # type: ignore[arg-type]


def simulated(*policies: list[Alert], stays: list[Stay], to_us: int = 10 * DAY_US) -> Simulated:
    return Simulated(list(policies), stays, 0, to_us, 0, 0.0, [0] * len(policies))


def test_alerts_in_100_patient_days_are_counted_by_unit_severity_and_rule_over_beds_that_were_taken() -> None:
    # By hand: W1 has 2 + 3 days (the last stay goes on: 10 - 7), W2 5 days; ICU none within the time.
    stays = [
        Stay("a", "W1", 0, 2 * DAY_US),
        Stay("a", "W2", 2 * DAY_US, 7 * DAY_US),
        Stay("a", "ICU", 11 * DAY_US, None),
        Stay("b", "W1", 7 * DAY_US, None),
    ]
    alerts = [
        alert("a", HOUR_US),
        alert("a", 3 * DAY_US, unit="W2", severity="medium", rule="qsofa", cause="qsofa", held=True),
        alert("b", 8 * DAY_US),
        alert(None, 8 * DAY_US, unit="", severity="technical", rule="feed-silent", cause="feed-silent"),
    ]
    found = figures(simulated(alerts, stays=stays), 0, None)
    assert (found.all.alerts, found.all.patients, found.all.held) == (3, 2, 1)
    assert found.all.patient_days == 10
    assert found.all.per_100_patient_days == 30
    assert found.all.ppv is None
    units = {one.name: (one.alerts, one.patient_days, one.per_100_patient_days) for one in found.units}
    assert units == {"W1": (2, 5.0, 40.0), "W2": (1, 5.0, 20.0)}
    assert {one.name: one.alerts for one in found.severities} == {"high": 2, "medium": 1, "technical": 1}
    assert [(one.name, one.alerts) for one in found.rules] == [("news2-high", 2), ("feed-silent", 1), ("qsofa", 1)]


def test_an_alert_is_right_when_its_patient_comes_to_higher_care_in_time_and_judged_once_that_time_is_over() -> None:
    end_us = 30 * HOUR_US
    stays = [
        Stay("moved", "W1", 0, 10 * HOUR_US),
        Stay("moved", "ICU", 10 * HOUR_US, 20 * HOUR_US),
        Stay("stayed", "W1", 0, None),
        Stay("late", "W1", 0, 29 * HOUR_US),
        Stay("late", "ICU", 29 * HOUR_US, None),
    ]
    moves = Moves(stays, ["ICU"], 24, end_us)
    told = {
        "right": (alert("moved", 4 * HOUR_US), (True, 6.0)),
        "at the move itself it is too late": (alert("moved", 10 * HOUR_US), None),
        "in higher care nobody is judged": (alert("moved", 12 * HOUR_US, unit="ICU"), None),
        "nothing came and the time is over": (alert("stayed", 5 * HOUR_US), (False, None)),
        "nothing came yet": (alert("stayed", 7 * HOUR_US), None),
        "it came early, as it did for some of those whose time is not over": (alert("late", 28 * HOUR_US), None),
        "it came after the time": (alert("late", 4 * HOUR_US), (False, None)),
        "it came at the last moment": (alert("late", 5 * HOUR_US), (True, 24.0)),
        "technical": (alert("moved", 4 * HOUR_US, severity="technical"), None),
        "nobody's": (alert(None, 4 * HOUR_US), None),
    }
    for name, (one, expected) in told.items():
        judged = moves.judge(one)
        assert (None if judged is None else (judged.right, judged.lead_h)) == expected, name
    found = figures(simulated([one for one, _ in told.values()], stays=stays, to_us=end_us), 0, moves)
    assert (found.all.judged, found.all.right, found.all.found) == (4, 2, 2)
    assert found.all.ppv == 0.5
    assert found.all.lead_h == [10.5, 15.0, 19.5]


def test_an_alert_is_right_from_early_before_to_late_after_the_onset_and_wrong_of_who_has_none() -> None:
    onsets = Onsets({"septic": 100 * HOUR_US}, 12, 3, "onset")
    right = {hour: onsets.judge(alert("septic", hour * HOUR_US)) for hour in (87, 88, 100, 103, 104)}
    assert {hour: judged is not None and judged.right for hour, judged in right.items()} == {
        87: False,
        88: True,
        100: True,
        103: True,
        104: False,
    }
    judged = right[88]
    assert judged is not None
    assert judged.lead_h == 12
    well = onsets.judge(alert("well", 0))
    assert well is not None
    assert not well.right
    assert onsets.happened() == 1


def test_alerts_of_two_policies_are_the_same_where_patient_and_cause_are_and_the_openings_lie_close() -> None:
    current = [
        alert("a", 0),
        alert("a", 5 * HOUR_US),
        alert("b", 0),
        alert("c", 0, cause="qsofa"),
        alert(None, 0, severity="technical"),
    ]
    candidate = [
        alert("a", 59 * MINUTE_US),  # the same, later
        alert("a", 5 * HOUR_US - 30 * MINUTE_US),  # the same, earlier
        alert("b", 61 * MINUTE_US),  # another
        alert("c", 0),  # another cause
        alert("d", 0, cause="qsofa"),
    ]
    found = difference(current, candidate, 3_600)
    assert (found.all.both, found.all.only_current, found.all.only_candidate) == (2, 2, 3)
    by_cause = {one.cause: (one.both, one.only_current, one.only_candidate) for one in found.causes}
    assert by_cause == {"news2": (2, 1, 2), "qsofa": (0, 1, 1)}
    assert (found.earlier, found.later) == (1, 1)
    assert found.shift_s == pytest.approx([-7.75 * 60, 14.5 * 60, 36.75 * 60])
    assert difference(current, current, 0).all.only_current == 0


def test_an_opening_is_paired_once_and_as_many_pairs_are_found_as_there_can_be() -> None:
    def most(ours: tuple[int, ...], others: tuple[int, ...], within: int) -> int:
        """By trying everything."""
        if not ours:
            return 0
        first, rest = ours[0], ours[1:]
        best = most(rest, others, within)
        for place, other in enumerate(others):
            if abs(other - first) <= within:
                best = max(best, 1 + most(rest, others[:place] + others[place + 1 :], within))
        return best

    draw = random.Random(3)
    for _ in range(300):
        ours, others = ([draw.randrange(40) for _ in range(draw.randrange(6))] for _ in range(2))
        within = draw.randrange(8)
        found = difference(
            [alert("a", at * 1_000_000) for at in ours], [alert("a", at * 1_000_000) for at in others], within
        )
        assert found.all.both == most(tuple(ours), tuple(others), within)
        assert found.all.both + found.all.only_current == len(ours)
        assert found.all.both + found.all.only_candidate == len(others)


def test_figures_equal_another_way_of_counting_on_many_made_up_patients() -> None:
    draw = random.Random(17)
    stays, alerts, onsets = [], [], {}
    for number in range(200):
        patient = f"p{number}"
        cuts = sorted(draw.randrange(9 * DAY_US) for _ in range(draw.randrange(2, 5)))
        for begin, end in pairwise(cuts):
            stays.append(Stay(patient, draw.choice(["W1", "W2", "W3"]), begin, end))
        if draw.random() < 0.3:
            onsets[patient] = draw.randrange(9 * DAY_US)
        for _ in range(draw.randrange(5)):
            rule = draw.choice(["one", "two"])
            unit = draw.choice(["W1", "W2", "W3"])
            near_us = onsets.get(patient, 5 * DAY_US) + draw.randrange(-DAY_US, DAY_US)
            opened_us = draw.choice([near_us, draw.randrange(9 * DAY_US)])
            alerts.append(alert(patient, opened_us, rule=rule, cause=rule, unit=unit))
    found = figures(simulated(alerts, stays=stays), 0, Onsets(onsets, 12, 3, "onset"))
    for where in found.units:
        seconds = 0
        for stay in stays:
            if stay.unit == where.name and stay.to_us is not None:
                seconds += stay.to_us - stay.from_us
        mine = [one for one in alerts if one.unit == where.name]
        assert where.patient_days == pytest.approx(seconds / 86_400e6)
        assert where.alerts == len(mine)
        assert where.per_100_patient_days == pytest.approx(len(mine) * 100 * 86_400e6 / seconds)
    for told in found.rules:
        hits = 0
        for one in alerts:
            if one.rule == told.name and one.patient in onsets:
                late = one.opened_us - onsets[one.patient]
                hits += -12 * HOUR_US <= late <= 3 * HOUR_US
        assert told.right == hits > 5
        assert told.judged == sum(one.rule == told.name for one in alerts)
    assert sum(one.alerts for one in found.units) == found.all.alerts == len(alerts)
