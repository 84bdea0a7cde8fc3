// A sparkline: 96 by 24, the last point marked, gaps where values are missing. Its height is the values' range, or `range`.
import { sameSeries } from "./same.js";
import { Component, html } from "./view.js";

const WIDTH = 96;
const HEIGHT = 24;
const PAD = 2.5;

/** The path of a series, and where it ends. */
function trace(series, range) {
  const known = series.v.filter((v) => v !== null);
  if (known.length === 0) return null;
  const low = Math.min(...known);
  const high = Math.max(...known);
  const bottom = low - Math.max(0, range - (high - low)) / 2;
  const height = Math.max(range, high - low);
  const last = series.t_s[series.t_s.length - 1] || 1;
  let path = "";
  let pen = "M";
  let end = null;
  series.v.forEach((v, i) => {
    if (v === null) {
      pen = "M";
      return;
    }
    const x = PAD + (series.t_s[i] / last) * (WIDTH - 2 * PAD);
    const y = HEIGHT - PAD - ((v - bottom) / height) * (HEIGHT - 2 * PAD);
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
    end = `M${x.toFixed(1)} ${y.toFixed(1)}h.01`;
  });
  return { path, end };
}

export class Spark extends Component {
  shouldComponentUpdate(next) {
    return !sameSeries(next.series, this.props.series);
  }

  render({ series, range }) {
    const line = series && trace(series, range);
    return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
      ${line && html`<path d=${line.path} /><path class="end" d=${line.end} />`}
    </svg>`;
  }
}
