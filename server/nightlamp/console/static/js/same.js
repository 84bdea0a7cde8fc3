// A part of a tile that is made anew only when what it says has changed: most of a tile is the same a second later.
import { Component } from "./view.js";

/** `sign`: the same for two drawings that are alike; `draw()` makes it. */
export class Same extends Component {
  shouldComponentUpdate(next) {
    return next.sign !== this.props.sign;
  }

  render({ draw }) {
    return draw();
  }
}

/** Whether two series of a sparkline are the same line. */
export function sameSeries(a, b) {
  if (a === b) return true;
  if (!a || !b || a.v.length !== b.v.length) return false;
  return a.v.every((v, i) => v === b.v[i] && a.t_s[i] === b.t_s[i]);
}
