// A patient's scores wherever they are shown: the NEWS2 badge, its parts, a model's risk.
import { age } from "./clock.js";
import { BANDS } from "./risk.js";
import { Shape } from "./shapes.js";
import { itemsOf, title, valueText } from "./signals.js";
import { scoreTrend } from "./trend.js";
import { html } from "./view.js";

const MINUTE = 60_000;
/** Older than that a score is greyed: as long as what a monitor sends. Models are made once a minute; one is slower by its manifest. */
const STALE_MS = 2 * MINUTE;
const SLOW_STALE_MS = { "readmission-stay": 120 * MINUTE };
/** From here on a score's age is told: in whole minutes, so that a tile is drawn no oftener. */
const TOLD_MS = 100_000;

/** Time alone makes no score: of one whose inputs fell silent its age, in words from 100 s on, and whether it is greyed. */
export function ageOfScore(name, score, now) {
  const quietMs = score && score.value !== null ? now - score.at_ms : 0;
  return { words: quietMs >= TOLD_MS ? `${age(quietMs)} old` : "", old: quietMs > (SLOW_STALE_MS[name] ?? STALE_MS) };
}

/** The badge: number, word, shape, which way, how many of its inputs are there, and its age where it is old. */
export function News2({ score, seen, now }) {
  if (!score || score.value === null) {
    return html`<p class="news2" data-band="unknown"><span class="number">–</span><span class="words"><b>No NEWS2</b><small>inputs missing</small></span></p>`;
  }
  const band = BANDS[score.band] ?? BANDS[0];
  const partial = score.present < score.expected;
  const way = scoreTrend(seen, now);
  const { words, old } = ageOfScore("news2", score, now);
  return html`<p class="news2" data-band=${score.band} data-old=${old}>
    <${Shape} name=${band.shape} />
    <span class="number">${score.value}</span>
    <span class="words"><b>${band.word}</b><small>NEWS2${way && html`${" "}<${Arrow} way=${way} />`}${partial && html` · <span class="partial">${score.present} of ${score.expected}</span>`}</small>${words && html`<small class="age">${words}</small>`}</span>
  </p>`;
}

/** Which way something goes, for the eye and for the ear. */
export function Arrow({ way }) {
  if (!way || way.sign === "→") return null;
  return html`<span class="arrow" data-way=${way.words}><span aria-hidden="true">${way.sign}</span><span class="unseen"> ${way.words}</span></span>`;
}

/** NEWS2 by item: value, points, age; what is missing is named. */
export function PartsTable({ score, now }) {
  return html`<table class="parts"><thead><tr><th scope="col">Item</th><th scope="col">Value</th><th scope="col">Points</th><th scope="col">Age</th></tr></thead>
    <tbody>${itemsOf(score).map((item) => html`<tr key=${item.name} class=${item.value === null ? "missing" : ""} data-points=${item.points ?? 0}>
      <th scope="row">${title(item.name)}</th><td>${valueText(item.name, item.value, item.unit)}</td>
      <td class="points">${item.points === null ? "–" : html`<span>${item.points}</span>`}</td>
      <td>${item.age_s === null ? "–" : age(now - score.at_ms + item.age_s * 1000)}</td>
    </tr>`)}</tbody></table>`;
}

/** A probability for a person. */
export function riskText(value) {
  const percent = value * 100;
  return percent < 1 ? "< 1 %" : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

/** The models that have scored the patient, sepsis always first. */
export function riskNames(patient) {
  const models = Object.keys(patient.scores).filter((name) => patient.scores[name].kind === "model" && name !== "sepsis");
  return ["sepsis", ...models.sort()];
}

/** What of the badge is seen: another drawing is needed only where this differs. */
export function signOfNews2(score, seen, now) {
  const { words, old } = ageOfScore("news2", score, now);
  return `${signOfScore(score)} ${scoreTrend(seen, now)?.sign} ${words} ${old}`;
}

/** How large a risk is, as a bar. */
export function Meter({ value }) {
  return html`<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="6" rx="3" />
    <rect class="fill" width=${Math.max(1.5, value * 100)} height="6" rx="3" /></svg>`;
}

/** What of a score is seen; a score said anew is not a new one. */
export function signOfScore(score) {
  return score ? `${score.value} ${score.band} ${score.present} ${score.kind === "model" ? score.at_ms : ""}` : "";
}
