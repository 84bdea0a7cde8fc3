// One panel of a patient's course, drawn by uPlot: lines, the band from least to largest of each bucket, alerts, a marked time.
// All panels of a page share their time axis and their cursor.
import uPlot from "../vendor/uplot/uPlot.js";
import { serverNow } from "./clock.js";
import { joined, times } from "./course.js";
import { Component, html } from "./view.js";

const HEIGHT = 124;
const HEIGHT_NARROW = 112;
const AXIS_WIDTH = 46;
/** So many values are marked one by one. */
const FEW = 60;
const COLOURS = ["--trace", "--trace-2", "--trace-3"];
const DASHES = [[], [7, 4], [2, 3]];
const HOUR_S = 3600;
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short" });
const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** Labels of the time axis: the time, at midnight the day. */
function labels(_plot, splits, _axis, _space, step) {
  return splits.map((s) => {
    const at = new Date(s * 1000);
    const midnight = at.getHours() === 0 && at.getMinutes() === 0;
    return midnight || step >= 24 * HOUR_S ? dayFormat.format(at) : timeFormat.format(at);
  });
}

export class Chart extends Component {
  componentDidMount() {
    this.sizes = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.sizes.observe(this.box);
    this.theme = new MutationObserver(() => this.build());
    this.theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.build();
  }

  componentDidUpdate(before) {
    if (before.panel !== this.props.panel) this.show();
    else this.plot?.redraw(false);
  }

  componentWillUnmount() {
    this.sizes.disconnect();
    this.theme.disconnect();
    this.plot?.destroy();
  }

  size() {
    const width = Math.max(200, this.box.clientWidth);
    return { width, height: width < 500 ? HEIGHT_NARROW : HEIGHT };
  }

  /** New values into the drawing that is there, where it has the same lines: the cursor stays where it is. */
  show() {
    const drawing = this.drawing();
    if (this.plot && drawing.lines === this.lines) this.plot.setData(drawing.data);
    else this.build(drawing);
  }

  build(drawing = this.drawing()) {
    this.plot?.destroy();
    const { data, series, bands } = drawing;
    this.lines = drawing.lines;
    this.plot = new uPlot({ ...this.size(), ...this.options(this.colour()), series, bands }, data, this.box);
  }

  colour() {
    return (name) => getComputedStyle(this.box).getPropertyValue(name).trim();
  }

  /** Data, series and bands for uPlot; `lines` is the same for two drawings that differ in their values only. */
  drawing() {
    const { panel, history } = this.props;
    const at = times(history);
    const atMs = at.map((seconds) => seconds * 1000);
    const colour = this.colour();
    const data = [at];
    const series = [{}];
    const bands = [];
    panel.lines.forEach(({ label, course, carryMs }, i) => {
      const stroke = colour(COLOURS[i % COLOURS.length]);
      const few = course.last.filter((value) => value !== null).length <= FEW;
      const paths = panel.steps ? uPlot.paths.stepped({ align: 1 }) : undefined;
      data.push(joined(course.last, atMs, carryMs));
      series.push({ label, stroke, width: 2, dash: DASHES[i % DASHES.length], points: { show: few, size: 6, fill: stroke }, paths });
      if (course.low.some((low, k) => low !== null && low !== course.high[k])) {
        const place = data.length;
        data.push(joined(course.high, atMs, carryMs), joined(course.low, atMs, carryMs));
        const edge = { width: 0, points: { show: false } };
        series.push({ ...edge, label: `${label} largest` }, { ...edge, label: `${label} least` });
        bands.push({ series: [place, place + 1], fill: `color-mix(in srgb, ${stroke} 22%, transparent)` });
      }
    });
    return { data, series, bands, lines: series.map((one) => `${one.label} ${one.points?.show}`).join() };
  }

  options(colour) {
    const { panel } = this.props;
    const grid = { stroke: colour("--line"), width: 1 };
    const axis = { stroke: colour("--ink-soft"), grid, ticks: grid, font: "12px system-ui, sans-serif" };
    return {
      legend: { show: false },
      padding: [8, 8, 0, 0],
      cursor: { sync: { key: "course", setSeries: false }, drag: { x: true, y: false, setScale: false }, points: { size: 8 } },
      scales: {
        x: { time: true, range: () => [this.props.history.from_ms / 1000, this.props.history.to_ms / 1000] },
        y: { range: (_plot, low, high) => around(low, high, panel.least ?? 0) },
      },
      axes: [{ ...axis, values: labels, size: 26, space: 64 }, { ...axis, size: AXIS_WIDTH, space: 26 }],
      hooks: {
        draw: [(plot) => this.marks(plot, colour)],
        setCursor: [(plot) => this.props.onCursor(plot.cursor.idx ?? null)],
        setSelect: [(plot) => {
          if (plot.select.width < 8) return;
          const [from, to] = [plot.select.left, plot.select.left + plot.select.width].map((left) => plot.posToVal(left, "x") * 1000);
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          this.props.onZoom(from, to);
        }],
      },
    };
  }

  /** Alerts as lines where they opened, shaded until they were over, which is a broken line; the asked time as a dashed line. */
  marks(plot, colour) {
    const { ctx, bbox } = plot;
    const x = (ms) => plot.valToPos(ms / 1000, "x", true);
    const inside = (left) => Math.min(Math.max(left, bbox.left), bbox.left + bbox.width);
    const line = (left, width) => inside(left) === left && ctx.fillRect(left - width / 2, bbox.top, width, bbox.height);
    ctx.save();
    for (const { id, severity, fromMs, toMs } of this.props.marks) {
      const stands = id === this.props.chosen;
      const [left, right] = [x(fromMs), x(toMs ?? Math.min(serverNow(), this.props.history.to_ms))];
      ctx.fillStyle = colour(`--${severity}`) || colour("--low");
      ctx.globalAlpha = stands ? 0.25 : 0.08;
      ctx.fillRect(inside(left), bbox.top, inside(right) - inside(left), bbox.height);
      ctx.globalAlpha = stands ? 1 : 0.8;
      line(left, stands ? 4 : 2);
      if (toMs !== null) for (let top = 0; top < bbox.height; top += 8) inside(right) === right && ctx.fillRect(right - 0.5, bbox.top + top, 1.5, 4);
    }
    ctx.globalAlpha = 1;
    if (this.props.atMs !== null) {
      ctx.strokeStyle = colour("--ink");
      ctx.lineWidth = 2;
      ctx.setLineDash([6, 5]);
      ctx.beginPath();
      ctx.moveTo(inside(x(this.props.atMs)), bbox.top);
      ctx.lineTo(inside(x(this.props.atMs)), bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  shouldComponentUpdate(next) {
    return next.panel !== this.props.panel || next.atMs !== this.props.atMs || next.marked !== this.props.marked;
  }

  render({ words }) {
    return html`<div class="plot" role="img" aria-label=${words} ref=${(box) => { this.box = box; }}></div>`;
  }
}

/** A scale at least `least` high, so that noise stays small, with some air. */
function around(low, high, least) {
  if (low === null || high === null) return [0, least || 1];
  const room = Math.max(0, least - (high - low)) / 2 || (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  const bottom = low - room;
  return [low >= 0 && bottom < 0 ? 0 : bottom, high + room];
}
