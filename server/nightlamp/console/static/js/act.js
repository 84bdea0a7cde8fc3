// What a person can do about an alert: acknowledge (with or without a note), snooze with a reason, call somebody. The server
// decides and tells everybody through the stream; here is only said that it has been sent.
import { post, wordsOf } from "./api.js";
import { roleTitle } from "./session.js";
import { Component, html } from "./view.js";

const MINUTES = [15, 30, 60, 120, 240, 480];
/** Who can be called about a patient, and about none: who would see the alert and may answer it. */
const CALLED = ["nurse", "charge_nurse", "physician", "admin"];
const CALLED_LOOSE = [...CALLED, "sre"];
const TEXT_MAX = 500;

export class Actions extends Component {
  state = { form: null, busy: false, said: null };

  componentDidUpdate(before) {
    // The stream has told the new state: what was said about the sending is over.
    if (before.alert.state !== this.props.alert.state && this.state.said) this.setState({ said: null });
  }

  async send(action, body) {
    this.setState({ busy: true, said: null });
    try {
      await post(`/v1/alerts/${this.props.alert.id}/${action}`, body);
      this.setState({ busy: false, form: null, said: "Sent." });
    } catch (error) {
      this.setState({ busy: false, said: wordsOf(error) });
    }
  }

  open(form) {
    this.setState({ form: this.state.form === form ? null : form, said: null });
  }

  render({ app, alert }, { form, busy, said }) {
    if (!app.may("act") && !(isLoose(alert) && app.may("operate"))) return null;
    const waits = alert.state !== "acknowledged" && alert.state !== "snoozed";
    const about = `: ${alert.reason}`;
    return html`<div class="act" onKeyDown=${(event) => event.key === "Escape" && this.setState({ form: null })}>
      ${waits && html`<button type="button" class="first" disabled=${busy} aria-label=${`Acknowledge${about}`} onClick=${() => this.send("acknowledge", {})}>Acknowledge</button>`}
      ${alert.state === "snoozed"
        ? html`<button type="button" disabled=${busy} aria-label=${`End the snooze${about}`} onClick=${() => this.send("unsnooze", {})}>End snooze</button>`
        : html`<button type="button" aria-expanded=${form === "snooze"} aria-label=${`Snooze${about}`} onClick=${() => this.open("snooze")}>Snooze …</button>`}
      <button type="button" aria-expanded=${form === "escalate"} aria-label=${`Escalate${about}`} onClick=${() => this.open("escalate")}>Escalate …</button>
      ${waits && html`<button type="button" aria-expanded=${form === "note"} aria-label=${`Acknowledge with a note${about}`} onClick=${() => this.open("note")}>Note …</button>`}
      ${form === "snooze" && html`<${Snooze} id=${alert.id} busy=${busy} onSend=${(body) => this.send("snooze", body)} />`}
      ${form === "escalate" && html`<${Escalate} id=${alert.id} called=${isLoose(alert) ? CALLED_LOOSE : CALLED} busy=${busy} onSend=${(body) => this.send("escalate", body)} />`}
      ${form === "note" && html`<${Note} id=${alert.id} busy=${busy} onSend=${(body) => this.send("acknowledge", body)} />`}
      ${said && html`<p class="said" role="alert">${said}</p>`}</div>`;
  }
}

/** About no patient: a feed, a channel, a storm. */
const isLoose = (alert) => alert.patient === "";

/** Values of a form by name, trimmed; empty ones left out. */
function given(event) {
  event.preventDefault();
  return Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
}

function Snooze({ id, busy, onSend }) {
  const submit = (event) => {
    const { reason, minutes } = given(event);
    if (reason) onSend({ reason, minutes: Number(minutes) });
  };
  return html`<form onSubmit=${submit}><label for="reason-${id}">Reason</label>
    <input id="reason-${id}" name="reason" required maxlength=${TEXT_MAX} autocomplete="off" />
    <label for="minutes-${id}">For</label> <select id="minutes-${id}" name="minutes">${MINUTES.map((one) => html`<option key=${one} value=${one} selected=${one === 30}>${one < 60 ? `${one} min` : `${one / 60} h`}</option>`)}</select>
    <button type="submit" disabled=${busy}>Snooze</button></form>`;
}

function Escalate({ id, called, busy, onSend }) {
  return html`<form onSubmit=${(event) => onSend(given(event))}><label for="to-${id}">Call</label>
    <select id="to-${id}" name="to">${called.map((role) => html`<option key=${role} value=${role} selected=${role === "physician"}>${roleTitle(role)}</option>`)}</select>
    <label for="why-${id}">Note</label> <input id="why-${id}" name="note" maxlength=${TEXT_MAX} autocomplete="off" />
    <button type="submit" disabled=${busy}>Escalate</button></form>`;
}

function Note({ id, busy, onSend }) {
  return html`<form onSubmit=${(event) => onSend(given(event))}><label for="note-${id}">Note</label>
    <input id="note-${id}" name="note" required maxlength=${TEXT_MAX} autocomplete="off" />
    <button type="submit" disabled=${busy}>Acknowledge</button></form>`;
}
