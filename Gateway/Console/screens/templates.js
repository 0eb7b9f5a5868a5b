// Templates: what a mail says, with what stands for each lead, and how it will look.
import { Form, List, Resource, Screen, api, confirm, count, dialog, drafts, drawer, empty, field, go, header, html, icon, menu, nothing, plural, problem, session, show, tabs, time, toast, toastError, words } from '../ui.js';
import { diff } from '../ui/data.js';

const OURS = [
  ['First name', '{{first_name|there}}'], ['Last name', '{{last_name|}}'], ['Company', '{{company|your company}}'], ['E-mail', '{{email}}'], ['Your name', '{{sender.name}}'], ['Your address', '{{sender.address}}'],
  ['Postal address', '{{postal_address}}'], ['Unsubscribe link', '{{unsubscribe_url}}'],
];
const PARTS = ['subject', 'text', 'html'];
const START = { name: '', subject: '{{first_name|Hello}}, a question', text: 'Hello {{first_name|there}},\n\n\n\n{{sender.name}}\n\n{{postal_address}}\nNo more of these: {{unsubscribe_url}}\n', html: '' };

/** What is put in for a choice: what was marked, or a word, and another; what would read as syntax is made plain. */
export const choice = (marked) => `{${marked.trim().replace(/[{}|\\]/g, '\\$&') || 'one'}|another}`;

/** Where the part of an insertion is that somebody will want to change, the last after a bar: [start, end] in it. */
export function toChange(piece) {
  const bar = piece.lastIndexOf('|') + 1;
  return bar ? [bar, piece.search(/\}+$/)] : [piece.length, piece.length];
}

/** What differs between two versions, part by part. */
export const changes = (before, after) => PARTS.filter((part) => (before[part] ?? '') !== (after[part] ?? '')).map((part) => ({ path: words(part), before: before[part], after: after[part] }));

/** A position in a text as line and column, from 1. */
export function place(text, position) {
  const before = text.slice(0, position).split('\n');
  return { line: before.length, column: before.at(-1).length + 1 };
}

export class Templates extends Screen {
  get base() { return `/dashboard/workspaces/${this.params.slug}/templates`; }

  list = new List(this, async (cursor, signal) => {
    const workspace = await session.workspace(this.params.slug);
    return workspace ? api.get('/api/v1/templates', { query: { workspace: workspace.id, cursor, limit: 50 }, signal }) : { data: [] };
  });

  get keys() { return session.may('member') ? { c: { label: 'New template', run: () => go(`${this.base}/new`) } } : {}; }

  routeChanged(before) { if (before.params.slug !== this.params.slug) this.list.reload({ fresh: true }); }

  columns = [
    { label: 'Template', cell: (row) => row.name, href: (row) => `${this.base}/${row.id}` },
    { label: 'Subject', cell: (row) => row.subject, small: 'hide' },
    { label: 'Version', cell: (row) => count(row.version), end: true },
    { label: 'Changed', cell: (row) => time(row.updated_at) },
    { label: 'Actions', hideLabel: true, cell: (row) => (session.may('member') ? menu(`Actions for ${row.name}`, actions(row, (made) => go(`${this.base}/${made.id}`), () => this.list.reload())) : nothing) },
  ];

  render() {
    const button = session.may('member') ? html`<a class="button primary" href="${this.base}/new">${icon('plus')}New template</a>` : nothing;
    return html`${header({ title: 'Templates', actions: button })}${show(this.list, {
      data: (rows) => html`<pm-table caption="Templates" .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>`,
      empty: () => empty({ title: 'No templates yet', text: 'A template is a mail with variables for each lead. Campaigns send it.', mark: 'templates', actions: button }),
    })}`;
  }
}

/** What can be done with a template as a whole. */
const actions = (one, copied, gone) => [
  { label: 'Duplicate', run: () => api.post(`/api/v1/templates/${one.id}/duplicate`).then((made) => { toast(`${made.name} is there.`); copied(made); }, toastError) },
  { label: 'Archive', danger: true, run: () => confirm({ title: `Archive ${one.name}`, text: `The template leaves this page for good. Campaigns keep the version that they were made with; its ${plural(one.version, 'version')} stay for them.`, action: 'Archive', danger: true, run: () => api.delete(`/api/v1/templates/${one.id}`, { ifMatch: '*' }) }).then((done) => done && gone()) },
];

export class Template extends Screen {
  static query = { part: 'text', view: '', lead: '', panel: '', version: '' };

  get base() { return `/dashboard/workspaces/${this.params.slug}/templates`; }

  get isNew() { return this.params.id === 'new'; }

  get draft() { return `template-${this.params.slug}-${this.params.id}`; }

  one = new Resource(this, async (signal) => {
    const get = (path, query) => api.get(path, { query, signal });
    const [made, workspace, own] = await Promise.all([this.isNew ? null : get(`/api/v1/templates/${this.params.id}`), session.workspace(this.params.slug), get('/api/v1/leads/fields')]);
    if (!workspace) return {};
    const [leads, mailboxes] = await Promise.all([get('/api/v1/leads', { workspace: workspace.id, limit: 20 }), get('/api/v1/mailboxes', { workspace: workspace.id, limit: 50 })]);
    this.leads = leads.data;
    this.workspace = workspace.id;
    this.form.draft = this.draft;
    this.form.fill({ ...START, ...(made && Object.fromEntries(['name', ...PARTS].map((name) => [name, made[name] ?? '']))), ...drafts.read(this.draft) });
    this.preview.reload();
    return { made, workspace, fields: own.data, mailboxes: mailboxes.data.filter((one) => one.workspace === workspace.id) };
  });

  key = 0;

  form = new Form(this, {
    initial: START,
    send: ({ name, subject, text, html: page }, key) => {
      const { made, workspace } = this.one.data;
      const body = { name, subject, text: text || null, html: page || null };
      return made ? api.put(`/api/v1/templates/${made.id}`, body, { ifMatch: `"${made.revision}"` }) : api.post('/api/v1/templates', { ...body, workspace: workspace.id }, { key });
    },
    check: ({ text, html: page }) => (text.trim() || page.trim() ? {} : { [this.query.part]: 'Write the text or the HTML.' }),
    done: (made) => {
      toast(`Saved as version ${made.version}.`);
      if (this.isNew) {
        drafts.forget(this.draft);
        go(`${this.base}/${made.id}`, { replace: true, keep: true });
      } else this.one.set({ ...this.one.data, made });
      this.preview.reload();
    },
  });

  preview = new Resource(this, (signal) => {
    const { subject, text, html: page } = this.form.values;
    if (!text.trim() && !page.trim()) return null;
    return api.post('/api/v1/templates/preview', { workspace: this.workspace, subject, text: text || null, html: page || null, lead: this.query.lead || null, key: String(this.key) }, { signal });
  }, { auto: false });

  versions = new List(this, (cursor, signal) => api.get(`/api/v1/templates/${this.params.id}/versions`, { query: { cursor, limit: 30 }, signal }), { auto: false });

  old = new Resource(this, (signal) => api.get(`/api/v1/templates/${this.params.id}/versions/${this.query.version}`, { signal }), { auto: false });

  test = new Form(this, {
    initial: { mailbox: '', to: '' },
    send: ({ mailbox, to }, key) => api.post(`/api/v1/templates/${this.params.id}/test`, { mailbox, to: to.split(/[\s,]+/).filter(Boolean), lead: this.query.lead || null }, { key }),
    done: ({ send_keys: keys }) => { this.#close(); toast(`${plural(keys.length, 'test mail')} on the way.`); },
  });

  connectedCallback() {
    super.connectedCallback();
    this.routeChanged({});
  }

  routeChanged({ pathname, search = '' }) {
    const { panel, version, lead } = this.query;
    if (pathname && pathname !== this.route.pathname) this.one.reload({ fresh: true });
    else if (pathname && (new URLSearchParams(search).get('lead') ?? '') !== lead) this.preview.reload();
    if (panel === 'versions' && !search.includes('versions')) this.versions.reload();
    if (version && !search.includes(`version=${version}`)) this.old.reload({ fresh: true });
  }

  #close = () => this.setQuery({ panel: '', version: '' });

  #typed = () => {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview.reload(), 500);
  };

  /** Puts a piece where the writing cursor was last, and marks what will be changed in it. */
  #insert(make) {
    const input = this.written?.isConnected ? this.written : this.querySelector('textarea');
    const start = input.selectionStart;
    const piece = make(input.value.slice(start, input.selectionEnd));
    input.setRangeText(piece, start, input.selectionEnd);
    input.dispatchEvent(new Event('input'));
    this.#mark(input, ...toChange(piece).map((at) => start + at));
  }

  #mark(input, start, end = start) {
    setTimeout(() => {
      input?.focus();
      input?.setSelectionRange(start, end);
    });
  }

  async #show({ part, position = 0 }) {
    if (part !== 'subject') this.setQuery({ part });
    await this.updateComplete;
    this.#mark(this.querySelector(`[name=${part}]`), position);
  }

  render() {
    const { data } = this.one;
    const may = session.may('member');
    const made = data?.made;
    const panel = (name) => this.href({ panel: name });
    return html`${header({
      title: made?.name ?? (this.isNew ? 'New template' : 'Template'), note: made && html`Version ${made.version}, changed ${time(made.updated_at)}${this.form.dirty ? ', with changes that are not saved' : ''}`, back: { href: this.base, label: 'Templates' },
      actions: made && may ? html`<a class="button" data-keep href=${panel('test')}>${icon('campaigns')}Send a test</a><a class="button" data-keep href=${panel('versions')}>Versions</a>${menu('More', actions(made, (copy) => go(`${this.base}/${copy.id}`), () => go(this.base)))}` : nothing,
    })}${show(this.one, { isEmpty: () => false, data: () => (data.workspace ? html`<div class="split"><section>${this.#editor(may)}</section>${this.#preview()}</div>${this.#panel(data)}` : empty({ title: 'There is no such workspace' })) })}`;
  }

  #editor(may) {
    const { form } = this;
    const { part } = this.query;
    const area = (name, hint, mono) => form.field(name, { label: words(name).replace('Html', 'HTML'), hideLabel: true, type: 'textarea', rows: 18, mono, disabled: !may, hint, onInput: this.#typed });
    const body = html`<div class="stack" @focusout=${({ target }) => { if (PARTS.includes(target.name)) this.written = target; }}>${form.field('name', { label: 'Name', required: true, maxlength: 200, disabled: !may })}${form.field('subject', { label: 'Subject', required: true, maxlength: 500, disabled: !may, onInput: this.#typed })}
      <div>${tabs('Part', ['text', 'html'].map((name) => ({ label: name === 'text' ? 'Text' : 'HTML', href: this.href({ part: name }), current: name === part })))}
      ${part === 'text' ? area('text', form.values.html.trim() ? 'Empty: it is made from the HTML.' : 'Without HTML the mail is plain text.') : area('html', 'Values are escaped. Empty: the mail is plain text.', true)}</div>
      ${may ? html`<div class="actions">${menu('Insert a variable', [...OURS, ...this.one.data.fields.map((one) => [one.name, `{{custom.${one.key}|something}}`])].map(([label, piece]) => ({ label, run: () => this.#insert(() => piece) })), { text: 'Insert a variable', mark: 'down' })}
        <button type="button" @click=${() => this.#insert(choice)}>Insert a choice</button></div>` : nothing}</div>`;
    return may ? form.render(body, { submit: this.isNew ? 'Create template' : 'Save', extra: form.problem?.status === 412 ? html`<button type="button" @click=${() => { drafts.forget(this.draft); form.problem = null; this.one.reload(); }}>Show what is there now</button>` : nothing }) : body;
  }

  #preview() {
    const { data, error } = this.preview;
    const { view, lead } = this.query;
    const shown = view || (data?.html ? 'html' : 'text');
    const fault = error?.problem?.position !== undefined ? [{ part: error.problem.part, position: error.problem.position, detail: error.detail }] : [];
    const people = this.leads.some((one) => one.id === lead) || !lead ? this.leads : [{ id: lead, email: 'The chosen lead' }, ...this.leads];
    return html`<section class="stack"><div class="row between wrap"><h2>Preview</h2><button type="button" class="small" @click=${() => { this.key += 1; this.preview.reload(); }}>${icon('retry')}Other choices</button></div>
      <div class="fields">${field({ name: 'q', label: 'Find a lead', type: 'search', onInput: this.#find })}${field({ name: 'lead', label: 'As', type: 'select', value: lead, options: [['', 'A made-up lead'], ...people.map((one) => [one.id, one.email])], onInput: (id) => this.setQuery({ lead: id }) })}</div>
      ${error && !fault.length ? problem(error, { retry: () => this.preview.reload() }) : nothing}
      ${data ? html`<div class="card stack"><p dir="auto"><span class="quiet">Subject</span> <b>${data.subject}</b></p>
        ${data.html ? tabs('Preview of', ['html', 'text'].map((name) => ({ label: name === 'text' ? 'Text' : 'HTML', href: this.href({ view: name }), current: name === shown }))) : nothing}
        ${shown === 'html' && data.html ? html`<pm-preview .html=${data.html} label="HTML of the mail"></pm-preview>` : html`<pre tabindex="0" dir="auto">${data.text}</pre>${data.is_text_derived ? html`<p class="note">Made from the HTML.</p>` : nothing}`}</div>` : nothing}
      ${this.#warnings([...fault, ...(fault.length ? [] : data?.warnings ?? [])], fault.length)}</section>`;
  }

  #warnings(warnings, broken) {
    if (!warnings.length) return this.preview.data ? html`<p class="note row">${icon('check')}Nothing to warn of.</p>` : nothing;
    return html`<section aria-label="Warnings"><h3>${broken ? 'This cannot be sent' : plural(warnings.length, 'warning')}</h3><ul class="checks">${warnings.map((one) => {
      const text = this.form.values[one.part] ?? '';
      const at = one.position != null && text ? place(text, one.position) : null;
      return html`<li class=${broken ? 'bad' : 'warn'}>${icon('warn')}<p>${one.detail} <button type="button" class="plain link" @click=${() => this.#show(one)}>${words(one.part).replace('Html', 'HTML')}${at ? `, line ${at.line}` : ''}</button></p></li>`;
    })}</ul></section>`;
  }

  #find = (q) => {
    clearTimeout(this.searching);
    this.searching = setTimeout(async () => {
      try {
        this.leads = (await api.get('/api/v1/leads', { query: { workspace: this.workspace, q: q.trim(), limit: 20 } })).data;
        if (q.trim() && this.leads.length) this.setQuery({ lead: this.leads[0].id });
        this.requestUpdate();
      } catch (error) { toastError(error); }
    }, 300);
  };

  #panel({ made, fields, mailboxes }) {
    const { test, query: { panel, lead } } = this;
    if (panel === 'test' && made) {
      return dialog({ title: 'Send a test', onClose: this.#close, body: mailboxes.length ? test.render(html`<p class="note">${this.form.dirty ? 'The saved version is sent, without what you have changed since. ' : ''}${lead ? 'As the lead of the preview.' : 'As a made-up lead.'} The subject begins with [Test].</p>
        ${test.field('mailbox', { label: 'From', type: 'select', required: true, options: [['', 'Choose'], ...mailboxes.map((one) => [one.id, one.address])] })}${test.field('to', { label: 'To', required: true, hint: 'Up to three addresses.', placeholder: session.user.email })}`, { submit: 'Send test', busy: 'Sending', cancel: this.#close })
        : html`<p>Connect an e-mail account of this workspace first.</p><a class="button" href="/dashboard/workspaces/${this.params.slug}/emails">E-mail accounts</a>` });
    }
    return panel === 'versions' && made ? drawer({ title: 'Versions', onClose: this.#close, body: this.#versions(made) }) : nothing;
  }

  #versions(made) {
    const { version } = this.query;
    const restore = () => confirm({ title: `Restore version ${version}`, text: `It becomes version ${made.version + 1} and says the same. Campaigns keep the version that they have.`, action: 'Restore', run: () => api.post(`/api/v1/templates/${made.id}/versions/${version}/restore`) }).then((done) => {
      if (!done) return;
      drafts.forget(this.draft);
      this.#close();
      this.one.reload();
    });
    return show(this.versions, {
      data: (rows) => html`<ol class="steps">${rows.map((one) => html`<li class="stack tight"><div class="row between wrap"><a data-keep href=${this.href({ version: String(one.version) })} aria-current=${String(one.version) === version ? 'true' : nothing}>Version ${one.version}</a><span class="quiet">${one.restored_from ? `as ${one.restored_from}, ` : ''}${time(one.created_at)}</span></div><p class="note" dir="auto">${one.subject}</p>
        ${String(one.version) === version && one.version !== made.version ? show(this.old, { isEmpty: () => false, data: (old) => html`${diff(changes(old, made))}<p class="note">Before: version ${version}. After: what is current.</p>${session.may('member') ? html`<div class="actions"><button type="button" @click=${restore}>Restore this version</button></div>` : nothing}` }) : nothing}</li>`)}</ol>
        ${this.versions.next ? html`<button type="button" @click=${() => this.versions.more()}>Show more</button>` : nothing}`,
    });
  }
}
