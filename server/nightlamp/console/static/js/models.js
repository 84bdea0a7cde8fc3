// The rules and models in use: what each predicts, its card, and how well its risks agree with what happened.
import { get, wordsOf } from "./api.js";
import { Asking, Unread } from "./asking.js";
import { Reliability } from "./reliability.js";
import { Component, html } from "./view.js";

export class Models extends Asking {
  static EVERY_MS = 15_000;

  async ask() {
    return { items: (await get("/v1/models")).items };
  }

  render(_, { items, failed, readMs }) {
    return html`<section class="card wide"><h2>What scores here</h2>
      <${Unread} failed=${failed} readMs=${readMs} />
      <ul class="models">${(items ?? []).map((model) => html`<${Model} key=${model.name} model=${model} />`)}</ul></section>`;
  }
}

class Model extends Component {
  state = { open: false, card: null, metrics: null, failed: null };

  async press() {
    if (this.state.open) return this.setState({ open: false });
    this.setState({ open: true });
    const name = encodeURIComponent(this.props.model.name);
    try {
      const [card, metrics] = await Promise.all([get(`/v1/models/${name}/card`), get(`/v1/models/${name}/metrics`).catch(() => null)]);
      this.setState({ card, metrics, failed: null });
    } catch (error) {
      this.setState({ failed: wordsOf(error) });
    }
  }

  render({ model }, { open, card, metrics, failed }) {
    return html`<li><p><b>${model.title}</b> <small>${model.name} ${model.version} · ${model.kind}${model.horizon_h ? ` · ${model.horizon_h} h ahead` : ""}</small></p>
      ${model.outcome && html`<p class="quiet">${model.outcome}</p>`}
      ${model.sha256 && html`<p class="quiet"><small>SHA-256 ${model.sha256.slice(0, 16)}…</small></p>`}
      ${model.has_card && html`<button type="button" aria-expanded=${open} aria-label="Card of ${model.title}" onClick=${() => this.press()}>Card</button>`}
      ${open && html`<div class="paper">${failed && html`<p role="alert">${failed}</p>`}
        ${metrics?.reliability && html`<${Reliability} metrics=${metrics} title=${model.title} />`}
        ${card && html`<pre tabindex="0" role="region" aria-label="Model card">${card}</pre>`}</div>`}</li>`;
  }
}
