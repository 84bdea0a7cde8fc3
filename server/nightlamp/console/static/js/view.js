// The one place that binds htm to Preact: everything else imports from here.
import htm from "../vendor/htm/htm.js";
import { h, options } from "../vendor/preact/preact.js";

export { Component, Fragment, render } from "../vendor/preact/preact.js";
export const html = htm.bind(h);

/** Draw what `change` asks for before this returns. Preact alone would put it off to the end of the task, where no time is kept. */
export function drawNow(change) {
  const usual = options.debounceRendering;
  options.debounceRendering = (draw) => draw();
  try {
    change();
  } finally {
    options.debounceRendering = usual;
  }
}
