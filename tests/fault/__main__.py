"""`make fault` and `make soak`: whole servers under seeded faults, judged by the oracle. The exit code is the verdict.

python -m tests.fault --seed 7                          one schedule of 60 s; the same seed, the same plan and faults
python -m tests.fault --schedules 100 --parallel 3      a hundred, of seeds drawn from --seed (printed)
python -m tests.fault --kills 200 --messages 1000000 --rate 0
python -m tests.fault --judge FOLDER                    judge kept evidence once more
"""

import argparse
import os
import random
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.fault.oracle.evidence import Evidence
from tests.fault.oracle.judge import judge
from tests.fault.oracle.run import Order, run


def main() -> int:
    """0: nothing was lost, doubled, changed or missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed where absent")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long faults are injected")
    parser.add_argument("--rate", type=float, default=300.0, help="messages a second; 0: as fast as answered")
    parser.add_argument("--kills", type=int, default=0, help="kills -9 instead of a schedule of all faults")
    parser.add_argument("--messages", type=int, default=0, help="messages in all, with --kills")
    parser.add_argument("--schedules", type=int, default=1, help="how many schedules, each of a seed of its own")
    parser.add_argument("--parallel", type=int, default=1, help="schedules at a time; they mostly wait")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--outside", action="store_true", default=None, help="PostgreSQL and a broker of their own")
    where.add_argument("--inside", action="store_false", dest="outside", help="the embedded ones; else by the seed")
    parser.add_argument("--small", action="store_true", default=None, help="a small disk, filled; else by the seed")
    parser.add_argument("--keep", action="store_true", help="keep the evidence whatever the verdict")
    parser.add_argument("--judge", type=Path, default=None, help="a folder of evidence")
    wanted = parser.parse_args()
    if wanted.judge is not None:
        return _print_judged(wanted.judge)
    seed = random.SystemRandom().randrange(1 << 31) if wanted.seed is None else wanted.seed
    print(f"seed {seed}", flush=True)
    if wanted.kills and not wanted.messages:
        parser.error("--kills needs --messages")
    seeds = [seed] if wanted.schedules == 1 else random.Random(seed).sample(range(1 << 31), wanted.schedules)
    asked = wanted.seconds, wanted.messages, wanted.rate, wanted.kills, wanted.keep, wanted.outside, wanted.small
    orders = [Order(one, *asked) for one in seeds]
    return _all(orders, wanted.parallel)


def _print_judged(folder: Path) -> int:
    verdict = judge(Evidence.load(folder))
    print(verdict.text())
    return int(not verdict.good)


def _all(orders: list[Order], parallel: int) -> int:
    bad: list[int] = []
    with ProcessPoolExecutor(max(1, parallel)) as pool:
        running = {pool.submit(_one, order): order for order in orders}
        for place, end in enumerate(as_completed(running), 1):
            order = running[end]
            good, text = end.result()
            if not good:
                bad.append(order.seed)
            print(f"[{place}/{len(orders)}] {text}", flush=True)
            if not good:
                print(f"  again: {order.again}", flush=True)
    print(f"{len(orders) - len(bad)} of {len(orders)} good" + (f"; bad seeds: {bad}" if bad else ""), flush=True)
    return int(bool(bad))


def _one(order: Order) -> tuple[bool, str]:
    """In a process of its own."""
    os.nice(5)
    try:
        verdict = run(order, say=lambda text: print(text, flush=True))
    except Exception:
        return False, f"seed {order.seed}: the run fell over\n{traceback.format_exc()}"
    return verdict.good, verdict.text()


if __name__ == "__main__":
    sys.exit(main())
