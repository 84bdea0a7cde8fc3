"""Makes a small folder in the long format, for docs/models.md: 300 stays made up, a quarter of which deteriorate."""

import csv
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
draw = random.Random(1)  # noqa: S311 - made up
observations, patients, outcomes = [], [], []
for n in range(300):
    name, start = f"stay-{n:03}", datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=7 * n)
    hours = draw.randint(20, 60)
    onset = draw.randint(12, hours) if n % 4 == 0 else None
    person = [draw.randint(25, 90), draw.choice("MF"), start.isoformat(), "ICU", draw.choice(["MED", "SUR"])]
    patients.append([name, *person])
    if onset:
        outcomes.append([name, (start + timedelta(hours=onset)).isoformat()])
    for hour in range(hours):
        at = start + timedelta(hours=hour, minutes=draw.randint(0, 50))
        sick = min(max(hour - onset + 8, 0), 8) if onset else 0
        for code, centre, spread, slope, unit in [
            ("8867-4", 82, 9, 4, "/min"),
            ("9279-1", 16, 3, 1.2, "/min"),
            ("8480-6", 124, 12, -4, "mm[Hg]"),
            ("8310-5", 98.4, 0.7, 0.3, "[degF]"),
            ("O2SAT-LOCAL", 97, 1.5, -0.5, ""),
        ]:
            value = min(centre + draw.gauss(0, spread) + slope * sick, 100 if code == "O2SAT-LOCAL" else 1e9)
            observations.append([name, at.isoformat(), at.isoformat(), code, f"{value:.1f}", unit])
        if hour % 12 == 3:  # drawn now, known an hour later
            known = (at + timedelta(hours=1)).isoformat()
            value = 1.4 + draw.random() + 0.3 * sick
            observations.append([name, at.isoformat(), known, "2524-7", f"{value:.1f}", "mmol/L"])
for file, head, rows in [
    ("observations.csv", ["patient", "time", "known", "code", "value", "unit"], observations),
    ("patients.csv", ["patient", "age_years", "sex", "admitted_at", "unit", "service"], patients),
    ("outcomes.csv", ["patient", "time"], outcomes),
]:
    with (folder / file).open("w", newline="") as out:
        csv.writer(out).writerows([head, *rows])
site = 'name = "Made-up ward"\n[[codes]]\ncode = "O2SAT-LOCAL"\nsignal = "O2Sat"\nunit = "%"\n'
(folder / "data.toml").write_text(site)
