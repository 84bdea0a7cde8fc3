// What could not be used: why, its bytes for who may see identity, and the way through the route once more.
import { get, post, wordsOf } from "./api.js";
import { Asking } from "./asking.js";
import { dayTime } from "./clock.js";
import { html } from "./view.js";

const SHOWN = 20;

export class DeadLetters extends Asking {
  static EVERY_MS = 10_000;
  state = { failed: null, waiting: true, shown: null };

  async ask() {
    return { page: await get(`/v1/dead-letters?limit=${SHOWN}&waiting=${this.state.waiting}`) };
  }

  async show(seq) {
    if (this.state.shown?.seq === seq) return this.setState({ shown: null });
    try {
      const frame = await get(`/v1/dead-letters/${seq}?raw=${this.props.app.may("read_identity")}`);
      this.setState({ shown: frame, failed: null });
    } catch (error) {
      this.setState({ failed: wordsOf(error) });
    }
  }

  async replay(seq) {
    try {
      await post(`/v1/dead-letters/${seq}/replay`);
      await this.read();
    } catch (error) {
      this.setState({ failed: wordsOf(error) });
    }
  }

  render(_, { page, failed, waiting, shown }) {
    const toggle = () => this.setState({ waiting: !waiting }, () => this.read());
    return html`<section class="card wide"><div class="tools"><h2>Dead letters</h2>
        <label class="check"><input type="checkbox" checked=${waiting} onChange=${toggle} /> only those not replayed</label></div>
      ${failed && html`<p role="alert" class="note">${failed}</p>`}
      ${page?.items.length === 0 && html`<p class="quiet">None: everything that came could be used.</p>`}
      ${page?.items.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label="Dead letters"><table class="figures">
        <thead><tr><th scope="col">Received</th><th scope="col">Door</th><th scope="col">Stage</th><th scope="col">Reason</th><th scope="col">Detail</th><th scope="col"><span class="unseen">Actions</span></th></tr></thead>
        <tbody>${page.items.map((one) => html`<${Letter} key=${`${one.seq}.${one.ordinal}`} one=${one} shown=${shown?.seq === one.seq ? shown : null}
          onShow=${() => this.show(one.seq)} onReplay=${() => this.replay(one.seq)} />`)}</tbody></table></div>
        ${page.next_cursor && html`<p class="quiet">There are more: <code>nightlamp dead-letters</code> lists them all.</p>`}`}</section>`;
  }
}

function Letter({ one, shown, onShow, onReplay }) {
  return html`<tr><th scope="row">${dayTime(Date.parse(one.received_at))}</th><td>${one.source}</td><td>${one.stage}</td>
      <td><code>${one.reason}</code></td><td>${one.detail}${one.location && html` <small>${one.location}</small>`}</td>
      <td class="do"><button type="button" aria-expanded=${shown !== null} aria-label="View frame ${one.seq}" onClick=${onShow}>View</button>
        ${one.replayed_seq ? html`<small>replayed</small>` : html`<button type="button" aria-label="Replay frame ${one.seq}" onClick=${onReplay}>Replay</button>`}</td></tr>
    ${shown && html`<tr class="raw"><td colspan="6">${shown.payload_base64 === null
      ? html`<p class="quiet">The bytes may name a patient; they are shown to roles that may see identity.</p>`
      : html`<pre tabindex="0" role="region" aria-label="The frame's bytes">${text(shown.payload_base64)}</pre>`}</td></tr>`}`;
}

/** Bytes as text; segments of HL7 end with a carriage return. */
function text(base64) {
  const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  return new TextDecoder().decode(bytes).replaceAll("\r\n", "\n").replaceAll("\r", "\n");
}
