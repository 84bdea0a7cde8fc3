"""What breaks, when, and for how long: a function of the seed."""

from dataclasses import dataclass

from tests.fault.oracle.dice import Dice

#: (fault, weight, shortest and longest, seconds). A duration is how long the stopped thing stays stopped.
FAULTS = (
    ("kill the server", 6, 0.0, 0.0),
    ("kill the server while postgresql stands still", 2, 0.2, 1.0),
    ("terminate the server", 4, 0.0, 0.0),
    ("terminate the server while postgresql stands still", 1, 0.2, 1.0),
    ("stop the server", 2, 0.5, 4.0),
    ("kill postgresql", 3, 0.0, 0.0),
    ("stop postgresql", 3, 1.0, 8.0),
    ("terminate postgresql's connections", 3, 0.0, 0.0),
    ("kill the server as it starts", 2, 0.3, 3.0),
    ("kill redis", 2, 0.0, 0.0),
    ("stop redis", 1, 0.5, 4.0),
    ("flush redis", 1, 0.0, 0.0),
    ("reset mqtt", 3, 0.0, 0.0),
    ("reset mqtt and forget", 2, 0.0, 0.0),
    ("cut the console", 2, 0.0, 0.0),
)
#: With a PostgreSQL and a broker of the hospital's own.
OUTSIDE = (
    ("kill postgresql for a time", 3, 0.5, 8.0),
    ("shut postgresql down for a time", 2, 0.5, 8.0),
    ("cut the line to postgresql", 3, 0.0, 0.0),
    ("cut the line in the midst of a write", 4, 0.0, 0.0),
    ("stall the line to postgresql", 2, 1.0, 8.0),
    ("slow the line to postgresql", 2, 2.0, 8.0),
    ("restart the broker", 3, 0.0, 2.0),
)
#: On a disk of its own.
SMALL = (("fill the disk", 8, 1.0, 20.0),)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault."""

    #: Share of the run (by time, or by messages sent) after which it comes.
    at: float
    name: str
    for_s: float
    #: For faults that choose: which lane.
    which: int


def schedule(seed: int, seconds: float, *, outside: bool = False, small: bool = False) -> list[Fault]:
    """Faults of a run of so many seconds, one every 1.5 to 6 s; always one kill and one order to end."""
    dice, at_s = Dice(seed, 0xFA17), 1.0
    faults: list[Fault] = []
    possible = [fault for fault in FAULTS if fault[0] != "kill postgresql"] + list(OUTSIDE) if outside else FAULTS
    possible = [*possible, *SMALL] if small else possible
    always = {0: "kill the server", 1: "terminate the server"} | ({2: SMALL[0][0], 5: SMALL[0][0]} if small else {})
    names = [fault[0] for fault in possible for _ in range(fault[1])]
    spans = {fault[0]: fault[2:] for fault in possible}
    while (at_s := at_s + dice.between(1.5, 6.0)) < seconds - 1:
        name = always.get(len(faults)) or names[dice.below(len(names))]
        low, high = spans[name]
        for_s = dice.between(low, high)
        faults.append(Fault(at_s / seconds, name, for_s, dice.below(1_000)))
        at_s += for_s
    return faults


def kills(seed: int, count: int) -> list[Fault]:
    """So many kills -9 of the server, spread over the messages, somewhat irregularly."""
    dice = Dice(seed, 0x511)
    return [Fault((n + 0.1 + dice.between(0, 0.8)) / count, "kill the server", 0.0, 0) for n in range(count)]
