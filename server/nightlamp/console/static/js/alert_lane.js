// The alerts of the time shown as bars over the panels, on the same axis; a list for who does not see them. One stop of the
// keyboard: arrow keys go from alert to alert, Enter zooms to one.
import { serverNow } from "./clock.js";
import { SEVERITIES } from "./risk.js";
import { Shape } from "./shapes.js";
import { wordsOfMark } from "./stay_alerts.js";
import { html } from "./view.js";

/** Least width of a bar, of the whole, on a wide and on a narrow screen: room for its shape. */
const WIDTH_MIN = 0.03;
const WIDTH_MIN_NARROW = 0.09;
const NARROW_PX = 640;
/** Shown around an alert that is zoomed to, at least. */
const AROUND_MS = 10 * 60_000;

/** Bars that do not cover each other: [{mark, left, width, row}], lengths as parts of the whole. */
function bars(marks, fromMs, toMs) {
  const whole = toMs - fromMs;
  const least = innerWidth < NARROW_PX ? WIDTH_MIN_NARROW : WIDTH_MIN;
  const ends = [];
  return marks.map((mark) => {
    const begin = Math.max(0, (mark.fromMs - fromMs) / whole);
    const end = Math.min(1, ((mark.toMs ?? Math.min(serverNow(), toMs)) - fromMs) / whole);
    const left = Math.min(begin, 1 - least);
    const width = Math.max(least, end - left);
    const free = ends.findIndex((taken) => taken <= left);
    const row = free < 0 ? ends.length : free;
    ends[row] = left + width;
    return { mark, left, width, row };
  });
}

/** `chosen`: the id of the one that stands out in the panels; onZoom(fromMs, toMs). */
export function AlertLane({ marks, more, fromMs, toMs, chosen, onChoose, onZoom }) {
  const shown = bars(marks, fromMs, toMs);
  const stop = marks.some(({ id }) => id === chosen) ? chosen : marks[0]?.id;
  const told = marks.find(({ id }) => id === chosen);
  const zoom = (mark) => {
    const end = mark.toMs ?? serverNow();
    const around = Math.max(AROUND_MS, (end - mark.fromMs) / 4);
    onZoom(mark.fromMs - around, Math.min(end + around, Math.max(end, serverNow())));
  };
  return html`<div class="panel lane"><p class="head"><b>Alerts</b> <small>${marks.length === 0 ? "none in this time" : `${marks.length} in this time`}${more ? `; only the newest are marked` : ""}</small></p>
    ${shown.length > 0 && html`<div class="rows"><ul aria-label="Alerts in the time shown" style=${{ height: `${(1 + Math.max(...shown.map(({ row }) => row))) * 1.8}rem` }} onKeyDown=${walk}>
      ${shown.map(({ mark, left, width, row }) => {
        const { word, text } = wordsOfMark(mark);
        return html`<li key=${mark.id} data-severity=${mark.severity} data-there=${mark.toMs === null}
            style=${{ left: `${100 * left}%`, width: `${100 * width}%`, top: `${row * 1.8}rem` }}>
          <button type="button" tabindex=${mark.id === stop ? 0 : -1} aria-label="${word}: ${text}. Zoom to it" title="${word}: ${text}"
            onFocus=${() => onChoose(mark.id)} onBlur=${() => onChoose(null)} onMouseEnter=${() => onChoose(mark.id)} onMouseLeave=${() => onChoose(null)}
            onClick=${() => zoom(mark)}><${Shape} name=${(SEVERITIES[mark.severity] ?? SEVERITIES.low).shape} /><span>${word}</span></button></li>`;
      })}</ul></div>
      <p class="told">${told ? html`<b>${wordsOfMark(told).word}</b> ${wordsOfMark(told).text}` : html`<span class="quiet">Point at one for its words, press it to zoom to it.</span>`}</p>`}</div>`;
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function walk(event) {
  const step = STEPS[event.key];
  if (step === undefined) return;
  const all = [...event.currentTarget.querySelectorAll("button")];
  const next = all[all.indexOf(event.target) + step];
  event.preventDefault();
  next?.focus();
}
