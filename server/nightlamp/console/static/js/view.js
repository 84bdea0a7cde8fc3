// The one place that binds htm to Preact: everything else imports from here.
import htm from "../vendor/htm/htm.js";
import { h } from "../vendor/preact/preact.js";

export { Component, Fragment, render } from "../vendor/preact/preact.js";
export const html = htm.bind(h);
