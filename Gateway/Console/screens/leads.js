// Leads: the table with its filters, what can be done to many, and the sheet of one.
import { Form, List, LitElement, Resource, Screen, api, bytes, confirm, count, dialog, drawer, drafts, empty, field, filters, header, html, icon, menu, nothing, plural, session, show, status, time, toast, toastError, words } from '../ui.js';
import { facts, noWorkspace, pickWorkspace, timeline, workspaceChoice } from '../ui/data.js';

const STATUSES = ['active', 'unsubscribed', 'bounced', 'complained', 'suppressed'];
const NAMES = ['first_name', 'last_name', 'company', 'time_zone'];
const NONE = { q: '', tag: '', status: '', list: '', segment: '' };

/** The filters of the URL as the API takes them; {} is every lead. */
export const filterOf = ({ q, tag, status: state, list }) => Object.fromEntries(Object.entries({ q, tag, status: state, list }).filter(([, value]) => value));

/** The same as the filter of a segment; a searched word may stand anywhere in a name there. */
export function segmentOf({ q = '', ...rest }) {
  const is = (name, value, operator = 'equals') => ({ field: name, operator, value });
  const all = [
    ...q.split(/\s+/).filter(Boolean).map((word) => ({ any: ['email', ...NAMES.slice(0, 3)].map((name) => is(name, word, 'contains')) })),
    ...['tag', 'status', 'list'].filter((name) => rest[name]).map((name) => is(name, rest[name])),
  ];
  return { all: all.length ? all : [{ field: 'email', operator: 'is_set' }] };
}

/** "a, b,, a" → ['a', 'b']. */
export const tagsOf = (text) => [...new Set(text.split(',').map((one) => one.trim()).filter(Boolean))];

/** What a form holds of a custom field → what the API takes; empty is null. */
export function customValue(kind, text = '') {
  if (text === '') return null;
  if (kind === 'boolean') return text === 'true';
  return kind === 'number' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** A lead as a form holds it. */
export const valuesOf = (lead) => ({
  ...Object.fromEntries(NAMES.map((name) => [name, lead[name] ?? ''])),
  tags: lead.tags.join(', '),
  ...Object.fromEntries(Object.entries(lead.custom).map(([key, value]) => [`custom.${key}`, String(value)])),
});

/** Only what a form changed of a lead, as the API takes it. */
export function changesOf(lead, values, fields) {
  const before = valuesOf(lead);
  const result = {};
  for (const name of Object.keys(values).filter((one) => values[one] !== (before[one] ?? ''))) {
    const key = name.split('custom.')[1];
    if (key) (result.custom ??= {})[key] = customValue(fields.find((one) => one.key === key)?.kind, values[name]);
    else if (name === 'tags') result.tags = tagsOf(values.tags);
    else if (NAMES.includes(name)) result[name] = values[name].trim() || null;
  }
  return result;
}

/** What happened to a lead, as an entry of its timeline. */
export function happening({ kind, at, detail = {} }, { lists = [], workspace } = {}) {
  const text = [
    detail.fields?.map(words).join(', '), ...['added', 'removed'].map((name) => detail[name]?.length && `${name} ${detail[name].join(', ')}`),
    lists.find((one) => one.id === detail.list)?.name, detail.campaign_name, ...['step', 'variant'].map((name) => detail[name] != null && `${name} ${detail[name]}`),
  ].filter(Boolean).join(' · ');
  return {
    at, text, title: words(kind), tone: /bounced|complained/.test(kind) ? 'bad' : /unsub/.test(kind) ? 'warn' : /replied|clicked|opened$/.test(kind) ? 'good' : '',
    href: detail.campaign && workspace && `/dashboard/workspaces/${workspace.slug}/campaigns/${detail.campaign}`,
  };
}

const FINAL = 'Nobody writes to them again, and they leave their campaigns. This cannot be taken back.';
const LEAVES = 'They leave this workspace and its lists, and stay the company’s.';
const DANGERS = { unsubscribe: FINAL, remove_from_workspace: LEAVES };

const input = (form, { key, kind, name = words(key), choices = [] }, at = `custom.${key}`) => form.field(at, {
  label: name, step: 'any', type: { number: kind, date: kind, boolean: 'select', choice: 'select' }[kind],
  options: [['', '–'], ...(kind === 'boolean' ? [['true', 'Yes'], ['false', 'No']] : choices)],
});

/** The fields of a lead in a form: its names, the company's own, tags. */
const inputs = (form, fields) => html`<div class="fields">${NAMES.map((name) => form.field(name, { label: words(name) }))}${fields.map((one) => input(form, one))}</div>
  ${form.field('tags', { label: 'Tags', hint: 'Divided by commas.' })}`;

export class Leads extends Screen {
  static query = { workspace: '', ...NONE, sort: '', open: '', panel: '' };

  around = new Resource(this, async (signal) => {
    const workspace = await pickWorkspace(this.query.workspace);
    const get = (path) => api.get(path, { query: { workspace: workspace.id, limit: 100 }, signal }).then((answer) => answer.data);
    if (!workspace) return {};
    const [lists, segments, fields] = await Promise.all([get('/api/v1/lists'), get('/api/v1/segments'), api.get('/api/v1/leads/fields', { signal })]);
    return { workspace, lists, segments, fields: fields.data };
  });

  list = new List(this, async (cursor, signal) => {
    const { segment, sort } = this.query;
    const workspace = await pickWorkspace(this.query.workspace);
    if (!workspace) return { data: [] };
    const query = { cursor, limit: 50 };
    return segment ? api.get(`/api/v1/segments/${segment}/leads`, { query, signal }) : api.get('/api/v1/leads', { query: { workspace: workspace.id, ...filterOf(this.query), sort, ...query }, signal });
  });

  selected = new Set();

  /** How many match, while all of them are chosen and not only those that show. */
  everything = null;

  bulk = null;

  routeChanged({ search }) {
    const was = new URLSearchParams(search);
    const moved = ['workspace', 'sort', ...Object.keys(NONE)].filter((name) => (was.get(name) ?? '') !== this.query[name]);
    if (!moved.length) return;
    this.#select(new Set());
    if (moved.includes('workspace')) this.around.reload();
    this.list.reload({ fresh: true });
  }

  get keys() { return session.may('member') ? { c: { label: 'Add a lead', run: () => this.setQuery({ panel: 'new' }, { push: true }) } } : {}; }

  render() {
    const around = this.around.data;
    const may = session.may('member');
    if (around && !around.workspace) return html`${header({ title: 'Leads' })}${noWorkspace()}`;
    const actions = may ? html`<a class="button" href="/dashboard/leads/import">${icon('upload')}Import</a><button type="button" class="primary" @click=${this.keys.c.run}>${icon('plus')}Add lead</button>` : nothing;
    return html`${header({ title: 'Leads', actions: html`${actions}${menu('More', [may && { label: 'Exports', href: this.href({ panel: 'exports' }) }, { label: 'Imports', href: '/dashboard/leads/imports' }, { label: 'Fields', href: this.href({ panel: 'fields' }) }])}` })}
      ${this.#filters(around)}${show(this.list, {
  data: (rows) => this.#table(rows), isFiltered: this.#isFiltered, clear: () => this.setQuery(NONE),
  empty: () => empty({ title: 'No leads yet', text: 'Leads are the people you write to. Import a file, or add one by hand.', mark: 'leads', actions }),
})}${this.#bar()}${around ? this.#panel(around) : nothing}`;
  }

  get #isFiltered() { return Object.keys(NONE).some((name) => this.query[name]); }

  #filters(around) {
    const { query } = this;
    const narrow = (changes) => this.setQuery({ segment: '', ...changes });
    const choose = (name, label, options, change = (value) => narrow({ [name]: value })) => (options?.length !== 0 ? field({ name, label, hideLabel: true, type: 'select', value: query[name], options: [['', label], ...(options ?? []).map((one) => [one.id ?? one, one.name ?? words(one)])], onInput: change }) : nothing);
    return filters({
      search: { value: query.q, label: 'Search leads', onInput: (q) => narrow({ q }) },
      body: html`${workspaceChoice(around?.workspace, (workspace) => this.setQuery({ workspace, list: '', segment: '' }))}${choose('status', 'Any status', STATUSES)}${choose('list', 'Any list', around?.lists)}
        ${choose('segment', 'Saved filters', around?.segments, (segment) => this.setQuery({ ...NONE, segment }))}
        ${query.segment ? html`<a class="button" href="/dashboard/leads/segments/${query.segment}">Edit filter</a>` : this.#isFiltered && session.may('member') ? html`<button type="button" @click=${this.#save}>Save filter</button>` : nothing}`,
      chips: [query.tag && { label: `Tag: ${query.tag}`, onRemove: () => narrow({ tag: '' }) }],
    });
  }

  #save = () => confirm({
    title: 'Save filter', text: 'It becomes a segment, to which campaigns can write. A searched word may stand anywhere in address, name or company there.', action: 'Save', reason: 'Name',
    run: async (name) => {
      const { id } = await api.post('/api/v1/segments', { workspace: this.around.data.workspace.id, name, filter: segmentOf(this.query) });
      this.around.reload();
      this.setQuery({ ...NONE, segment: id });
    },
  });

  columns = [
    { label: 'E-mail', cell: (row) => row.email, href: (row) => this.href({ open: row.id }), keep: true, sort: 'email' },
    { label: 'Name', cell: (row) => [row.first_name, row.last_name].filter(Boolean).join(' ') },
    { label: 'Company', cell: (row) => row.company ?? '', small: 'hide' },
    { label: 'Status', cell: (row) => status(row.status) },
    { label: 'Tags', small: 'hide', cell: (row) => html`<span class="row wrap">${row.tags.slice(0, 3).map((tag) => html`<a class="badge" href=${this.href({ ...NONE, tag })} data-keep dir="auto">${tag.length > 24 ? `${tag.slice(0, 23)}…` : tag}</a>`)}${row.tags.length > 3 ? `+${row.tags.length - 3}` : nothing}</span>` },
    { label: 'Added', cell: (row) => time(row.created_at), sort: 'created', small: 'hide' },
  ];

  #table(rows) {
    const { sort, segment } = this.query;
    return html`<pm-table caption="Leads" .rows=${rows} .list=${this.list} .columns=${segment ? this.columns.map((one) => ({ ...one, sort: undefined })) : this.columns} .sort=${sort ? { by: sort } : { by: 'created', desc: true }}
      .selected=${session.may('member') ? this.selected : undefined} @select=${({ detail }) => this.#select(detail)} @sort=${({ detail }) => this.setQuery({ sort: detail.by === 'email' ? 'email' : '' })}></pm-table>`;
  }

  #select(set) {
    this.selected = set;
    this.everything = null;
    this.requestUpdate();
  }

  // A search is counted by parts of words, and so may count too many.
  get #many() { return `${this.everything && this.query.q ? 'up to ' : ''}${plural(this.everything ?? this.selected.size, 'lead')}`; }

  #bar() {
    if (!this.selected.size) return nothing;
    const all = !this.everything && this.list.next && !this.query.segment && this.list.data?.every((row) => this.selected.has(row.id));
    const act = (action) => ({ label: words(action), danger: DANGERS[action], run: () => this.#open(action) });
    return html`<div class="bulk" role="group" aria-label="With the chosen leads"><b>${this.#many} chosen</b>${all ? html`<button type="button" @click=${this.#chooseAll}>Choose all that match</button>` : nothing}
      ${['add_tags', 'add_to_list', 'unsubscribe'].map(act).map((one) => html`<button type="button" class=${one.danger ? 'danger' : ''} @click=${one.run}>${one.label}</button>`)}
      ${menu('More', ['remove_tags', 'remove_from_list', 'set_field', 'remove_from_workspace'].map(act))}<button type="button" class="quiet" @click=${() => this.#select(new Set())}>Choose none</button></div>`;
  }

  #chooseAll = async () => {
    try {
      const found = await api.post('/api/v1/segments/preview', { workspace: this.around.data.workspace.id, filter: segmentOf(this.query) });
      if (found.is_capped) toast('More than 10,000 match. Narrow the filter first.', { tone: 'bad' });
      else this.everything = found.count;
      this.requestUpdate();
    } catch (error) { toastError(error); }
  };

  #open(action) {
    const { lists, fields, workspace } = this.around.data;
    const form = new Form(this, {
      initial: { tags: '', list: lists[0]?.id ?? '', field: NAMES[0], value: '', name: '' },
      send: async ({ tags, list, field: name, value, name: title }) => {
        let given;
        if (action.endsWith('tags')) given = tagsOf(tags);
        if (action.endsWith('list')) given = list || (await api.post('/api/v1/lists', { workspace: workspace.id, name: title })).id;
        if (action === 'set_field') given = { field: name, value: customValue(fields.find((one) => `custom.${one.key}` === name)?.kind, value) };
        return api.post('/api/v1/leads/bulk', { workspace: workspace.id, action, value: given, ...(this.everything ? { filter: filterOf(this.query) } : { leads: [...this.selected] }) });
      },
      done: ({ changed, skipped }) => {
        this.bulk = null;
        this.#select(new Set());
        toast(`${plural(changed, 'lead')} changed, ${count(skipped)} left as they were.`);
        this.around.reload();
        this.list.reload();
      },
    });
    this.bulk = { action, form };
    this.requestUpdate();
  }

  #bulk({ lists, fields }) {
    const { action, form } = this.bulk;
    const close = () => {
      this.bulk = null;
      this.requestUpdate();
    };
    const title = `${words(action)}: ${this.#many}`;
    const own = fields.find((one) => `custom.${one.key}` === form.values.field);
    const body = () => {
      if (DANGERS[action]) return html`<p>${DANGERS[action]}</p>`;
      if (action.endsWith('tags')) return form.field('tags', { label: 'Tags', required: true, hint: 'Divided by commas.' });
      if (action === 'set_field') return html`${form.field('field', { label: 'Field', type: 'select', options: [...NAMES.map((name) => [name, words(name)]), ...fields.map((one) => [`custom.${one.key}`, one.name])], onInput: () => form.set('value', '') })}${input(form, { ...own, name: 'Value' }, 'value')}<p class="note">Empty clears the field.</p>`;
      return html`${form.field('list', { label: 'List', type: 'select', options: [...lists.map((list) => [list.id, list.name]), ...(action === 'add_to_list' ? [['', 'New list']] : [])] })}${form.values.list ? nothing : form.field('name', { label: 'Name of the list', required: true, maxlength: 100 })}`;
    };
    return dialog({ title, onClose: close, body: form.render(body(), { submit: title, danger: DANGERS[action], cancel: close }) });
  }

  #panel(around) {
    const { open, panel } = this.query;
    const onClose = () => this.setQuery({ open: '', panel: '' });
    const done = () => { onClose(); this.list.reload(); };
    const sheet = (title, body) => drawer({ title, onClose, body });
    if (this.bulk) return this.#bulk(around);
    if (open) return sheet(this.list.data?.find((one) => one.id === open)?.email ?? 'Lead', html`<pm-lead .lead=${open} .around=${around} @changed=${() => this.list.reload()} @done=${done}></pm-lead>`);
    if (panel === 'new') return sheet('Add a lead', html`<pm-new-lead .around=${around} @done=${done}></pm-new-lead>`);
    if (panel === 'exports') return sheet('Exports', html`<pm-lead-exports .around=${around} .query=${this.query}></pm-lead-exports>`);
    return panel === 'fields' ? sheet('Fields', html`<pm-lead-fields @changed=${() => this.around.reload()}></pm-lead-fields>`) : nothing;
  }
}

/** A part of this page with a life of its own, in a sheet. */
class Part extends LitElement {
  static properties = { lead: { attribute: false }, around: { attribute: false }, query: { attribute: false } };

  createRenderRoot() { return this; }

  tell(name) { this.dispatchEvent(new CustomEvent(name)); }
}

class NewLead extends Part {
  form = new Form(this, {
    initial: { email: '', tags: '', list: '' }, draft: 'lead',
    send: (values, key) => api.post('/api/v1/leads', { workspace: this.around.workspace.id, email: values.email.trim(), list: values.list || null, ...changesOf({ tags: [], custom: {} }, values, this.around.fields) }, { key }),
    done: (lead) => {
      toast(lead.status === 'active' ? `${lead.email} is in.` : `${lead.email} is in as ${lead.status}: nobody writes to it.`);
      this.tell('done');
    },
  });

  render() {
    const { form, around: { fields, lists } } = this;
    return form.render(html`${form.field('email', { label: 'E-mail', type: 'email', required: true })}${inputs(form, fields)}
      ${lists.length ? form.field('list', { label: 'List', type: 'select', options: [['', 'No list'], ...lists.map((one) => [one.id, one.name])] }) : nothing}`, { submit: 'Add lead', busy: 'Adding' });
  }
}
customElements.define('pm-new-lead', NewLead);

const ERASED = { stopped_at: 'Campaigns stopped', delivery_at: 'Mails and threads forgotten', audit_at: 'Name taken from the trail', campaigns_at: 'Lead forgotten' };

class LeadSheet extends Part {
  data = new Resource(this, async (signal) => {
    const lead = await api.get(`/api/v1/leads/${this.lead}`, { signal });
    this.form.fill({ ...valuesOf(lead), ...drafts.read(`lead-${lead.id}`) });
    return lead;
  });

  past = new List(this, (cursor, signal) => api.get(`/api/v1/leads/${this.lead}/activity`, { query: { cursor, limit: 30 }, signal }));

  erasure = new Resource(this, (signal) => api.get(`/api/v1/leads/erasures/${this.erasing}`, { signal }), { auto: false });

  connectedCallback() {
    this.form ??= new Form(this, {
      draft: `lead-${this.lead}`, send: (values) => api.patch(`/api/v1/leads/${this.lead}`, changesOf(this.data.data, values, this.around.fields), { ifMatch: this.data.data }), done: () => { this.#again(); toast('Saved.'); },
    });
    super.connectedCallback();
  }

  #again() {
    this.data.reload();
    this.past.reload();
    this.tell('changed');
  }

  render() {
    if (!this.erasing) return show(this.data, { data: (lead) => this.#sheet(lead), isEmpty: () => false });
    return show(this.erasure, {
      data: (one) => html`<p>The lead is being forgotten. You may leave this page.</p><ol class="checks">${Object.entries(ERASED).map(([name, label]) => html`<li class=${one.steps[name] ? 'done' : 'open'}>${icon(one.steps[name] ? 'check' : 'clock')}<p>${label}</p>${one.steps[name] ? time(one.steps[name]) : 'open'}</li>`)}</ol>
        ${one.segments.length ? html`<p class="note">${plural(one.segments.length, 'segment')} named the address in a filter, and still do.</p>` : nothing}${one.failure ? html`<p class="error">${one.failure}</p>` : nothing}`,
      isEmpty: () => false,
    });
  }

  #sheet(lead) {
    const may = session.may('member');
    const { form, around } = this;
    const own = [...around.fields, ...Object.keys(lead.custom).filter((key) => !around.fields.some((one) => one.key === key)).map((key) => ({ key }))];
    return html`<div class="stack">${facts([
      ['E-mail', lead.email], ['Status', html`${status(lead.status)} ${lead.status_changed_at ? time(lead.status_changed_at) : nothing}`], ['Added', time(lead.created_at)],
      ['Workspaces', lead.workspaces.map((id) => session.list?.find((one) => one.id === id)?.name).filter(Boolean).join(', ')], ...(may ? [] : Object.entries(valuesOf(lead)).map(([name, value]) => [words(name.replace('custom.', '')), value])),
    ])}
      ${may ? form.render(inputs(form, own), { extra: form.problem?.status === 412 ? html`<button type="button" @click=${() => { drafts.forget(form.draft); form.problem = null; this.data.reload(); }}>Show what is there now</button>` : nothing }) : nothing}
      ${this.#lists(lead, may)}<section class="stack tight"><h3>History</h3>${show(this.past, { data: (rows) => html`${timeline(rows.map((row) => happening(row, around)))}${this.past.next ? html`<button type="button" @click=${() => this.past.more()}>Show more</button>` : nothing}` })}</section>
      ${may ? this.#dangers(lead) : nothing}</div>`;
  }

  #lists(lead, may) {
    const [inside, outside] = [true, false].map((is) => this.around.lists.filter((one) => Boolean(lead.lists?.includes(one.id)) === is));
    const change = async (list, out) => {
      const body = { leads: [lead.id] };
      const path = `/api/v1/lists/${list.id}/leads`;
      try {
        await (out ? api.delete(path, { body }) : api.post(path, body));
        toast(out ? `Taken out of ${list.name}.` : `Put into ${list.name}.`, { undo: () => change(list, !out) });
        this.#again();
      } catch (error) { toastError(error); }
    };
    return html`<section class="stack tight"><h3>Lists</h3><div class="row wrap">${inside.map((one) => html`<span class="chip"><a href="/dashboard/leads/lists/${one.id}" dir="auto">${one.name}</a>${may ? html`<button type="button" aria-label="Take out of ${one.name}" @click=${() => change(one, true)}>${icon('close')}</button>` : nothing}</span>`)}
      ${inside.length ? nothing : html`<span class="quiet">None.</span>`}${may && outside.length ? menu('Put into a list', outside.map((one) => ({ label: one.name, run: () => change(one) })), { text: 'Put into a list', mark: 'plus' }) : nothing}</div></section>`;
  }

  #dangers(lead) {
    const { workspace } = this.around;
    const path = `/api/v1/leads/${lead.id}`;
    const gone = () => this.tell('done');
    const remove = (query) => () => api.delete(path, { query, ifMatch: lead });
    const all = [
      lead.status === 'active' && ['Unsubscribe', FINAL, () => api.patch(path, { status: 'unsubscribed' }, { ifMatch: lead }), () => this.#again()],
      ['Remove from workspace', LEAVES, remove({ workspace: workspace.id }), gone],
      ['Delete', 'Lead and history go from the whole company. Who was in a campaign can only be erased.', remove(), gone],
      session.may('admin') && ['Erase', 'The person is forgotten in every service: mails, threads, history, name. Every campaign stops for them at once. An opt-out stays as far as honouring it needs. This cannot be taken back.',
        async (reason) => { this.erasing = (await api.post(`${path}/erase`, { reason: reason || null })).id; }, () => { this.erasure.every = 2_000; this.erasure.reload(); this.tell('changed'); }, { word: 'erase', reason: 'Reason, forgotten too', required: false }],
    ];
    return html`<section class="stack tight"><h3>Stop and remove</h3><div class="actions">${all.filter(Boolean).map(([action, text, run, then, more]) => html`<button type="button" class="danger" @click=${() => confirm({ title: `${action}: ${lead.email}`, text, action, danger: true, run, ...more }).then((done) => done && then())}>${action}</button>`)}</div></section>`;
  }
}
customElements.define('pm-lead', LeadSheet);

class Exports extends Part {
  list = new List(this, (cursor, signal) => api.get('/api/v1/leads/exports', { query: { cursor, limit: 20 }, signal }), { every: 4_000 });

  #start = async (format) => {
    try {
      await api.post('/api/v1/leads/exports', { workspace: this.around.workspace.id, format, filter: filterOf(this.query) });
      this.list.reload();
    } catch (error) { toastError(error); }
  };

  #remove = (one) => confirm({ title: 'Remove the export', text: `The file with ${plural(one.rows, 'lead')} goes; the leads stay.`, action: 'Remove', danger: true, run: () => api.delete(`/api/v1/leads/exports/${one.id}`) }).then((done) => done && this.list.reload());

  #columns = [
    { label: 'Asked for', cell: (row) => html`${time(row.created_at)} <span class="quiet">${row.format}${Object.keys(filterOf(row.filter)).length ? ', filtered' : ''}</span>` },
    { label: 'State', cell: (row) => status(row.status) },
    { label: 'Leads', cell: (row) => html`${count(row.rows)} <span class="quiet">${bytes(row.bytes)}</span>`, end: true },
    { label: 'File', hideLabel: true, cell: (row) => html`<span class="row">${row.status === 'completed' ? html`<a class="button" href="/api/v1/leads/exports/${row.id}/file" download>${icon('download')}Download</a>` : nothing}<button type="button" class="quiet" aria-label="Remove the export" @click=${() => this.#remove(row)}>${icon('trash')}</button></span>` },
  ];

  render() {
    return html`<div class="stack"><p class="note">${this.query.segment ? 'An export takes no segment: all leads of the workspace are written.' : 'Exactly the leads that the filters of the page mean.'} Files stay for seven days; each download stands in the audit trail.</p>
      <div class="actions">${['csv', 'ndjson'].map((format) => html`<button type="button" @click=${() => this.#start(format)}>Export as ${format.toUpperCase()}</button>`)}</div>
      ${show(this.list, { data: (rows) => html`<pm-table caption="Exports" .rows=${rows} .columns=${this.#columns} .list=${this.list}></pm-table>` })}</div>`;
  }
}
customElements.define('pm-lead-exports', Exports);

class Fields extends Part {
  list = new List(this, (cursor, signal) => api.get('/api/v1/leads/fields', { signal }));

  /** The field that is changed; null: a new one. */
  one = null;

  form = new Form(this, {
    initial: { name: '', key: '', kind: 'text', choices: '' },
    send: ({ name, key, kind, choices }) => {
      const body = { name, key, kind, ...(kind === 'choice' ? { choices: tagsOf(choices) } : {}) };
      return this.one ? api.patch(`/api/v1/leads/fields/${this.one.id}`, body, { ifMatch: '*' }) : api.post('/api/v1/leads/fields', body);
    },
    done: () => this.#edit(null, true),
  });

  #edit(one, changed) {
    this.one = one;
    this.form.fill(one ? { ...one, choices: one.choices.join(', ') } : this.form.initial);
    if (!changed) return;
    this.list.reload();
    this.tell('changed');
  }

  #remove = (one) => confirm({ title: `Delete the field ${one.name}`, text: 'Values that leads have stay, and read as text. Segments that ask for it no longer work.', action: 'Delete', danger: true, run: () => api.delete(`/api/v1/leads/fields/${one.id}`, { ifMatch: '*' }) }).then((done) => done && this.#edit(null, true));

  #columns = [
    { label: 'Name', cell: (row) => row.name, main: true },
    { label: 'Key', cell: (row) => html`<code>${row.key}</code>` },
    { label: 'Kind', cell: (row) => words(row.kind) },
    { label: 'Actions', hideLabel: true, cell: (row) => (session.may('admin') ? menu(`Actions for ${row.name}`, [{ label: 'Edit', run: () => this.#edit(row) }, { label: 'Delete', danger: true, run: () => this.#remove(row) }]) : nothing) },
  ];

  render() {
    const { form, one } = this;
    const key = (name) => one || form.set('key', name.toLowerCase().replace(/[^a-z0-9]+/g, '_'));
    return html`<div class="stack"><p class="note">What you know of leads beyond name and company. Templates, files and filters call a field by its key.</p>
      ${show(this.list, { data: (rows) => html`<pm-table caption="Fields" .rows=${rows} .columns=${this.#columns}></pm-table>` })}
      ${session.may('admin') ? form.render(html`<h3>${one ? `Change ${one.name}` : 'New field'}</h3><div class="fields">${form.field('name', { label: 'Name', required: true, maxlength: 100, onInput: key })}${one ? nothing : html`${form.field('key', { label: 'Key', required: true, mono: true, maxlength: 64 })}${form.field('kind', { label: 'Kind', type: 'select', options: ['text', 'number', 'date', 'boolean', 'choice'].map((kind) => [kind, words(kind)]) })}`}</div>
        ${form.values.kind === 'choice' ? form.field('choices', { label: 'Choices', required: true, hint: 'Divided by commas.' }) : nothing}`, { submit: one ? 'Save' : 'Add field', cancel: one && (() => this.#edit(null)) }) : nothing}</div>`;
  }
}
customElements.define('pm-lead-fields', Fields);
