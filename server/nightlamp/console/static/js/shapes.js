// The shapes that stand beside the words, 16 by 16.
import { html } from "./view.js";

const PATHS = {
  ring: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Zm0 1.8a3.7 3.7 0 1 1 0 7.4 3.7 3.7 0 0 1 0-7.4Z",
  dot: "M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3Z",
  diamond: "M8 1.5 14.5 8 8 14.5 1.5 8Z",
  triangle: "M8 1.8 15.2 14H.8Z",
  octagon: "M5.3 1.2h5.4l4.1 4.1v5.4l-4.1 4.1H5.3l-4.1-4.1V5.3Z",
  wrench: "M10.8 1.6a4 4 0 0 0-4 5.2L1.7 12l2.3 2.3 5.2-5.1a4 4 0 0 0 5-5l-2.5 2.4-2-.4-.4-2Z",
};

export function Shape({ name }) {
  return html`<svg class="shape" viewBox="0 0 16 16" aria-hidden="true"><path fill-rule="evenodd" d=${PATHS[name]} /></svg>`;
}
