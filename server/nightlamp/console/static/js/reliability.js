// A reliability plot: predicted risk against the share that had the outcome, by tenths of the rows, on logarithmic axes.
import { html } from "./view.js";

const SIZE = 260;
const PAD = 40;
const LEAST = 1e-4;

export function Reliability({ metrics, title }) {
  const bins = (metrics.reliability.equal_mass ?? []).filter((bin) => bin.mean_risk !== null && bin.share_with_outcome !== null);
  if (bins.length === 0) return null;
  const low = Math.max(LEAST, Math.min(...bins.flatMap((bin) => [bin.mean_risk, bin.share_with_outcome || 1])) / 1.6);
  const high = Math.min(1, Math.max(...bins.flatMap((bin) => [bin.mean_risk, bin.share_with_outcome])) * 1.6);
  const place = (value) => (Math.log(Math.max(value, low)) - Math.log(low)) / (Math.log(high) - Math.log(low)) * (SIZE - 2 * PAD);
  const x = (value) => PAD + place(value);
  const y = (value) => SIZE - PAD - place(value);
  const marks = [1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1].filter((mark) => mark >= low && mark <= high);
  const words = `${title}: predicted risk and what happened, by tenths: ${bins.map((bin) => `${text(bin.mean_risk)} predicted, ${text(bin.share_with_outcome)} happened`).join("; ")}`;
  const { auroc, ece } = metrics.overall ?? {};
  return html`<figure class="reliability"><svg viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label=${words}>
      <path class="ideal" d="M${x(low)} ${y(low)}L${x(high)} ${y(high)}" />
      ${marks.map((mark) => html`<g key=${mark}><path class="tick" d="M${x(mark)} ${SIZE - PAD}v4M${PAD} ${y(mark)}h-4" />
        <text x=${x(mark)} y=${SIZE - PAD + 16} text-anchor="middle">${text(mark)}</text><text x=${PAD - 7} y=${y(mark) + 4} text-anchor="end">${text(mark)}</text></g>`)}
      <path class="axis" d="M${PAD} ${PAD}V${SIZE - PAD}H${SIZE - PAD}" />
      <path class="line" d=${bins.map((bin, i) => `${i ? "L" : "M"}${x(bin.mean_risk)} ${y(bin.share_with_outcome)}`).join("")} />
      ${bins.map((bin) => html`<circle key=${bin.mean_risk} cx=${x(bin.mean_risk)} cy=${y(bin.share_with_outcome)} r="3.5" />`)}
      <text x=${SIZE / 2} y=${SIZE - 4} text-anchor="middle">predicted risk</text>
      <text transform="translate(10 ${SIZE / 2}) rotate(-90)" text-anchor="middle">what happened</text></svg>
    <figcaption>On the dashed line risks are right. Out of fold${auroc ? `; AUROC ${auroc.toFixed(3)}, calibration error ${(ece * 100).toFixed(2)} %` : ""}.</figcaption></figure>`;
}

function text(value) {
  return `${Number((value * 100).toPrecision(2))} %`;
}
