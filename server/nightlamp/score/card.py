"""card.md: what a model is, for whom, how good it was measured to be, and what nobody knows about it.

The headings are those that ONC HTI-1 b(11) and TRIPOD+AI ask for (reference: DESIGN.md, promise P9). Figures come from
the training run; a heading without an answer says so.
"""

from nightlamp.score.measure import Metrics
from nightlamp.score.train import Trained


def card(trained: Trained, created: str) -> str:
    """The card as Markdown."""
    recipe, recording = trained.recipe, trained.recording
    horizon = f"{recipe.horizon_h:g} h"
    sections = {
        "What it gives": (
            f"A calibrated probability from 0 to 1 of: {recipe.outcome}, within {horizon}; with the five inputs that "
            f"moved it most. {sum(b.trees for b in recipe.boosters())} LightGBM trees on {len(trained.feature_names)} "
            "features of nightlamp's window engine."
        ),
        "Intended use and users": (
            "Research on early warning in intensive care; to be read by clinicians beside the patient's chart, never "
            "instead of it. Research software, not a medical device. It recommends no treatment."
        ),
        "Population": (
            "Patients in intensive care of two hospitals in the United States, 14 to 100 years old. Wards, emergency "
            "departments and children are not in the data, pregnancy cannot be told from them: there the figures "
            "below say nothing."
        ),
        "Cautions and known risks": _cautions(),
        "Training data": _data(trained),
        "Demographic inputs": "Age and sex. Ethnicity, language and insurance are neither in the data nor used.",
        "Internal validity": _validity(trained),
        "Alert budget": _budgets(trained),
        "What it looks at": _leading(trained),
        "External validation": (
            "None yet. In the challenge itself models trained on these hospitals lost most of their worth in a third "
            "one (the winner: utility .43 in the two, -.12 in the third; Reyna et al. 2020). Validate on local data "
            "before use."
        ),
        "Fairness": (
            "Not measured in this version: no figures by age, sex or unit, and none are possible by ethnicity. No "
            "step was taken to make the model fair between groups."
        ),
        "Not known": _unknown(),
        "Monitoring and updates": (
            "Nothing is scheduled. A site should compare monthly the share of risks above the threshold, the alerts' "
            "positive predictive value and the drift of inputs (PSI .1: look, .25: stop) with this card. This version "
            "is the first and plain; it is to be replaced."
        ),
        "Developer and funding": "The nightlamp project; no funding is known to the training program.",
        "References": (
            "Reyna MA et al. Early Prediction of Sepsis from Clinical Data: the PhysioNet/Computing in Cardiology "
            "Challenge 2019. Crit Care Med 2020;48:210. Singer M et al. Sepsis-3. JAMA 2016;315:801. Platt J. "
            "Probabilistic outputs for support vector machines. 1999."
        ),
    }
    head = (
        f"# {recipe.name} {recipe.version}\n\nWritten by `nightlamp train {recipe.name}` on {created}, "
        f"{recording.rows:,} rows of {recording.patients:,} patients. Figures are out of fold.\n"
    )
    return head + "".join(f"\n## {title}\n\n{text.strip()}\n" for title, text in sections.items())


def _data(trained: Trained) -> str:
    recording = trained.recording
    dropped = ", ".join(f"{name} {count:,}" for name, count in sorted(recording.dropped.items())) or "none"
    sites = ", ".join(f"{site}: {figures['patients']:,}" for site, figures in trained.by_site.items())
    return f"""{recording.source}.

Patients by hospital: {sites}. {recording.rows:,} hourly rows; a row's label is 1 from six hours before onset on. All
stays of the files are included; none is left out. Values the signal catalogue calls implausible are missing: {dropped}.

Features are made by the engine that serves (plan fingerprint `{trained.fingerprint[:16]}`), from rows of one hour."""


def _validity(trained: Trained) -> str:
    groups: list[tuple[str, Metrics]] = [("all", trained.overall)]
    groups += [(f"hospital {site}", figures) for site, figures in trained.by_site.items()]
    groups += [(f"{half} half", figures) for half, figures in trained.by_half.items()]
    lines = [
        "| rows of | patients | septic | prevalence | AUROC | AUPRC | utility | Brier | ECE | ECE, equal mass |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {m['patients']:,} | {m['septic_patients']:,} | {m['prevalence']:.4f} | {m['auroc']:.4f} | "
        f"{m['auprc']:.4f} | {m['utility']:.4f} | {m['brier']:.5f} | {m['ece']:.5f} | {m['ece_equal_mass']:.5f} |"
        for name, m in groups
    ]
    folds = trained.by_fold
    spread = ", ".join(f"{m['utility']:.3f}" for m in folds)
    return (
        "\n".join(lines)
        + f"""

{trained.recipe.folds} folds by patient, stratified by hospital and outcome. A row's risk comes from a model, a
calibration and a threshold that did not see its patient. Utility by fold: {spread}. {_benchmark(trained)}
Calibration: Platt, a = {trained.calibration.a:.4f}, b = {trained.calibration.b:.4f}.
Features and parameters were chosen on the development half alone; no choice has seen a label of the confirmation half.
Confidence intervals: not measured."""
    )


def _benchmark(trained: Trained) -> str:
    if trained.utility_threshold is None:
        return ""
    return (
        "The utility (normalised, of the challenge) is a benchmark: its threshold, "
        f"{trained.utility_threshold:.4f}, is not for the bedside."
    )


def _budgets(trained: Trained) -> str:
    alerts, bedside = trained.recipe.alerts, trained.bedside
    if alerts is None or bedside is None:
        return "Not counted: this model is not watched from hour to hour."
    lines = [
        "| alerts per 100 patient-days | enter | clear | PPV of alerts | PPV of patients | needed to evaluate "
        "| septic found | lead h, median (IQR) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {b.episodes_per_100_patient_days:.2f} | {b.enter:.4f} | {b.clear:.4f} | {b.ppv_alert:.3f} | "
        f"{b.ppv_patient:.3f} | "
        f"{b.number_needed_to_evaluate:.1f} | {b.sensitivity:.3f} | {b.lead_h_median:.0f} ({b.lead_h_q1:.0f} to "
        f"{b.lead_h_q3:.0f}) |"
        for b in trained.budgets
    ]
    return (
        "\n".join(lines)
        + f"""

Out of fold, one evaluation an hour. An episode opens at or above `enter`, clears at or below `clear`, then the patient
is silent for {alerts.lockout_h} h. Right is an alert from 12 h before to 3 h after onset.
The bedside threshold is {bedside.enter:.4f} ({alerts.bedside_budget:g} alerts per 100 patient-days). The
thresholds were chosen on the same out-of-fold scores that they are reported on."""
    )


def _leading(trained: Trained) -> str:
    named = ", ".join(f"`{name}` {share:.1%}" for name, share in trained.top_features[:12])
    return f"Share of the mean absolute TreeSHAP value, twelve largest: {named}."


def _cautions() -> str:
    return """- `hours_since_admission` counts from the ICU admission and carries local practice (when patients are
  moved, how long they
  stay): by itself it ranks these patients with AUROC .64. A site that dates the admission otherwise shifts every risk.
- How often a laboratory value is taken tells what clinicians already suspected. Counts and ages of laboratory values
are inputs: part of the warning is an echo of their work, and another ordering practice shifts it.
- Training rows are hourly summaries; monitors give a value every few seconds. Minimum, maximum and standard deviation
of a vital sign are wider there, so risks in service may run higher than here. Artefacts are not removed.
- Missing values are inputs. A monitor that is off changes the risk.
- The label is a retrospective definition (suspected infection with a rise of SOFA by 2), not a diagnosis."""


def _unknown() -> str:
    return """- How it does on wards, in other hospitals, other years, other countries.
- How it does at rates of measurement other than hourly.
- Whether acting on its alerts helps anybody.
- Its figures by age, sex, unit, admission type; its confidence intervals; its transfer from one of the hospitals to the
other.
- Years and case mix of the recordings beyond what the challenge published; treatments are not in the data."""
