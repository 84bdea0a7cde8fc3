"""What the judge found, as counts with the first few cases of each."""

from dataclasses import dataclass, field

CASES_MAX = 5
#: Every count that must be nought, in the order printed.
MUST_BE_NOUGHT = (
    "acknowledged and not journalled",
    "refused and journalled",
    "sent less often than journalled",
    "journalled and nobody's",
    "acknowledged and not stored",
    "stored twice",
    "stored and not expected",
    "dead letters missed",
    "dead letters not expected",
    "encounter events wrong",
    "unaccounted",
    "counters that do not add up",
    "alerts missed",
    "alerts twice",
    "alerts out of order",
    "alerts not in the tables",
    "rows that differ from the undisturbed run",
    "the run itself",
)


@dataclass(slots=True)
class Verdict:
    """Counts that must be nought, and figures that tell how much was looked at."""

    seed: int
    figures: dict[str, float | int | str] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MUST_BE_NOUGHT, 0))
    cases: dict[str, list[str]] = field(default_factory=dict)

    def blame(self, what: str, case: str, count: int = 1) -> None:
        """Count a fault and keep the first cases."""
        if count <= 0:
            return
        self.faults[what] += count
        cases = self.cases.setdefault(what, [])
        if len(cases) < CASES_MAX:
            cases.append(case)

    @property
    def good(self) -> bool:
        """Whether all is as it must be."""
        return not any(self.faults.values())

    def text(self) -> str:
        """For a person."""
        lines = [f"seed {self.seed}: {'good' if self.good else 'BAD'}"]
        lines += [f"  {what:44} {value}" for what, value in self.figures.items()]
        lines += [f"  {what:44} {count}{'' if not count else '  <<<'}" for what, count in self.faults.items()]
        for what, cases in self.cases.items():
            lines += [f"    {what}: {case}" for case in cases]
        return "\n".join(lines)
