// Settings: how the company's mail behaves beyond one campaign. What is noticed, who is left out of that, what becomes of mails whose fate is unknown.
import { Form, List, Resource, Screen, api, attempt, confirm, empty, field, html, nothing, plural, session, show, time, toast } from '../ui.js';
import { top } from './settings.js';

const SWITCHES = [
  ['opens', 'Notice opened mails', 'By a picture in the mail. Programs that load pictures by themselves make it inexact.'],
  ['clicks', 'Notice clicked links', 'Links lead over our host, or over your own tracking host where a domain has one.'],
  ['hidden_link', 'Tell people from machines', 'A link that no person sees; whoever follows it is a scanner.'],
];
const SOURCES = { tenant: 'The company', recipient: 'Themselves' };

/** Addresses from whatever was pasted: one each, by line, comma or space. Pure. */
export const addressesOf = (text) => [...new Set(text.split(/[\s,;]+/).filter(Boolean))];

export class Sending extends Screen {
  static query = {};

  tracking = new Resource(this, (signal) => api.get('/api/v1/tracking/settings', { signal }));

  sends = new Resource(this, (signal) => api.get('/api/v1/sends/settings', { signal }));

  out = new List(this, (cursor, signal) => api.get('/api/v1/tracking/opt-outs', { query: { cursor, limit: 50 }, signal }));

  form = new Form(this, {
    initial: { addresses: '' }, draft: 'opt-outs',
    check: ({ addresses }) => (addressesOf(addresses).length > 500 ? { addresses: 'At most 500 at once.' } : {}),
    send: ({ addresses }, key) => api.post('/api/v1/tracking/opt-outs', { addresses: addressesOf(addresses) }, { key }),
    done: () => {
      toast(`${plural(addressesOf(this.form.values.addresses).length, 'person is', 'people are')} left out from now on.`);
      this.form.fill({ addresses: '' });
      this.out.reload();
    },
  });

  /** Stores a setting at once; the switch goes back when it could not be. */
  async #set(resource, path, changed) {
    const answer = await attempt(() => api.put(path, { ...resource.data, ...changed }), 'Saved.');
    if (answer) resource.set(answer);
    else this.requestUpdate();
  }

  render() {
    const admin = session.may('admin');
    return html`${top('Sending', 'sending')}<div class="stack"><div class="grid">
      <section class="card"><h2>What is noticed</h2>${show(this.tracking, { lines: 4, data: (now) => html`<div class="stack"><p class="note">A campaign notices what both it and the company want. It counts for mails from now on, and for what comes of mails that are out.</p>
        ${SWITCHES.map(([name, label, hint]) => field({ name, label, hint, type: 'switch', value: now[name], disabled: !admin, onInput: (on) => this.#set(this.tracking, '/api/v1/tracking/settings', { [name]: on }) }))}</div>` })}</section>
      <section class="card"><h2>Mails that may have arrived</h2>${show(this.sends, { lines: 3, data: (now) => html`<div class="stack"><p class="note">When the line breaks before a server’s answer, nobody knows whether the mail is there.</p>
        ${field({ name: 'ambiguous', label: 'Such a mail is', type: 'select', value: now.ambiguous, disabled: !admin, options: [['hold', 'held until somebody settles it'], ['resend', 'sent again by itself']], hint: now.ambiguous === 'resend' ? 'Who got the first one gets it twice.' : undefined, onInput: (ambiguous) => this.#set(this.sends, '/api/v1/sends/settings', { ambiguous }) })}
        <p><a href="/dashboard/unclear">Unclear mails</a></p></div>` })}${admin ? nothing : html`<p class="note section">Only owners and admins change these.</p>`}</section></div>
      <section><h2>Left out</h2><p class="note">Nothing is noticed of them, whatever a campaign wants. They get mail as before.</p><div class="section">${this.#out()}</div></section></div>`;
  }

  #out() {
    // Who is limited to workspaces has no say here.
    if (this.out.error?.status === 403) return html`<p class="note">${this.out.error.detail}</p>`;
    const may = session.may('member');
    const add = may ? html`<div class="narrow-form section">${this.form.render(this.form.field('addresses', { label: 'Leave out', type: 'textarea', rows: 2, required: true, hint: 'Addresses, by line or comma.' }), { submit: 'Leave them out' })}</div>` : nothing;
    return html`${show(this.out, {
      data: (rows) => html`<pm-table caption="Left out of tracking" .rows=${rows} .key=${(row) => row.address ?? row.created_at} .list=${this.out} .columns=${[
        { label: 'Address', main: true, cell: (row) => row.address ?? html`<span class="quiet">Somebody who was forgotten</span>` },
        { label: 'Wanted by', cell: (row) => SOURCES[row.source] ?? row.source }, { label: 'Since', cell: (row) => time(row.created_at) },
        ...(may ? [{ label: 'Actions', hideLabel: true, end: true, cell: (row) => (row.source === 'tenant' && row.address ? html`<button type="button" class="small" @click=${() => this.#again(row.address)}>Notice again<span class="hidden"> ${row.address}</span></button>` : nothing) }] : [])]}></pm-table>`,
      empty: () => empty({ title: 'Nobody is left out', text: 'Recipients do so themselves on the page behind the unsubscribe link; you can do it for them.', mark: 'eye' }),
    })}${add}`;
  }

  #again = (address) => confirm({ title: `Notice ${address} again`, text: 'Opens and clicks of this person count again, as campaigns want it.', action: 'Notice again', run: () => api.post('/api/v1/tracking/opt-outs/remove', { addresses: [address] }) }).then((done) => done && this.out.reload());
}
