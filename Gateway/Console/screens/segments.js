// Lists and segments: who belongs together by hand, and who by what is known of them.
import { List as Rows, Form, Resource, Screen, api, confirm, count, drafts, empty, field, go, header, html, icon, menu, nothing, plural, problem, repeat, session, show, status, tabs, time, toast, toastError, words } from '../ui.js';
import { noWorkspace, pickWorkspace, workspaceChoice } from '../ui/data.js';

// The filter as a tree that can be edited: groups { id, join, items } and conditions { id, field, operator, value, campaign }

const SAME = ['equals', 'not_equals'];
const ONE_OF = [...SAME, 'in', 'not_in'];
const SET = ['is_set', 'is_not_set'];
const ORDER = ['greater_than', 'less_than', 'between'];

/** What may be asked of a field of each kind; the API's names. */
export const OPERATORS = {
  text: [...ONE_OF, 'contains', 'not_contains', 'starts_with', ...SET], choice: [...ONE_OF, ...SET], status: ONE_OF, list: ONE_OF, import: [...ONE_OF, ...SET], campaign: [...ONE_OF, ...SET],
  number: [...ONE_OF, ...ORDER, ...SET], date: [...ONE_OF, ...ORDER, 'before', 'after', ...SET], instant: ['after', 'before', 'between', ...SAME], boolean: [...SAME, ...SET], did: ['equals'],
};
const SAID = {
  equals: 'is', not_equals: 'is not', in: 'is one of', not_in: 'is none of', contains: 'contains', not_contains: 'does not contain', starts_with: 'begins with', is_set: 'is known', is_not_set: 'is not known',
  greater_than: 'is more than', less_than: 'is less than', between: 'is between', before: 'is before', after: 'is after',
};
const JOINS = { all: 'All of these hold', any: 'Any of these holds', none: 'None of these holds', part: 'Not all of these hold' };
const FIELDS = [
  ...['email', 'email_domain', 'first_name', 'last_name', 'company', 'time_zone', 'tag'].map((name) => [name, 'text']), ['status', 'status'], ['list', 'list'], ['campaign', 'campaign'], ['import', 'import'],
  ['created_at', 'instant', 'Added'], ['updated_at', 'instant', 'Changed'], ['opened', 'did', 'Opened a mail'], ['clicked', 'did', 'Clicked a link'], ['replied', 'did', 'Replied'], ['bounced', 'did', 'Bounced'],
].map(([name, kind, label = words(name)]) => ({ name, kind, label }));
const STATUSES = ['active', 'unsubscribed', 'bounced', 'complained', 'suppressed'];
const CHOSEN = ['status', 'list', 'import', 'campaign', 'choice'];

let last = 0;
const node = (facts) => ({ id: last += 1, ...facts });
export const condition = (facts = {}) => node({ field: 'company', operator: 'contains', value: '', ...facts });
export const group = (join, items = [condition()]) => node({ join, items });

/** The API's filter → the tree. */
export function fromFilter(filter) {
  const inner = filter.not ?? filter;
  const join = inner.all ? (filter.not ? 'part' : 'all') : filter.not ? 'none' : 'any';
  if (inner.all || inner.any) return group(join, (inner.all ?? inner.any).map(fromFilter));
  return filter.not ? group('none', [fromFilter(inner)]) : condition(inner);
}

/** The tree → the API's filter. */
export function toFilter(one) {
  if (!one.items) {
    const { field: name, operator, value, campaign } = one;
    return { field: name, operator, ...(SET.includes(operator) ? {} : { value }), ...(campaign ? { campaign } : {}) };
  }
  const inner = { [['all', 'part'].includes(one.join) ? 'all' : 'any']: one.items.map(toFilter) };
  return ['none', 'part'].includes(one.join) ? { not: inner } : inner;
}

/** The node that a path of the API names, as in "all.1.not.any.0.value". */
export function nodeAt(tree, path) {
  return path.split('.').reduce((at, step) => (/^\d+$/.test(step) && at.items?.[step]) || at, tree);
}

/** Whether a condition says what it means already. */
export function isComplete(one) {
  if (one.items) return one.items.length > 0 && one.items.every(isComplete);
  const given = (value) => value?.days_ago !== undefined || typeof value === 'boolean' || (value ?? '') !== '';
  if (SET.includes(one.operator)) return true;
  return Array.isArray(one.value) ? one.value.length > 0 && one.value.every(given) : given(one.value);
}

export const parentOf = (tree, one) => (tree.items?.includes(one) ? tree : tree.items?.reduce((found, item) => found ?? parentOf(item, one), null) ?? null);

/** Moves a node one place up (-1) or down (1): past a condition, into a group, or out of the end of its own. Says whether it moved. */
export function move(tree, one, by) {
  const parent = parentOf(tree, one);
  const at = parent.items.indexOf(one);
  const next = parent.items[at + by];
  if (!next && parent === tree) return false;
  parent.items.splice(at, 1);
  if (next?.items) next.items.splice(by > 0 ? 0 : next.items.length, 0, one);
  else if (next) parent.items.splice(at + by, 0, one);
  else {
    const outer = parentOf(tree, parent);
    outer.items.splice(outer.items.indexOf(parent) + (by > 0 ? 1 : 0), 0, one);
  }
  return true;
}

/** The value with which an operator of a kind begins. */
export function freshValue(kind, operator) {
  if (['in', 'not_in'].includes(operator)) return [];
  if (operator === 'between') return ['', ''];
  return kind === 'did' || kind === 'boolean' ? true : '';
}

const base = '/dashboard/leads/segments';

export class Segments extends Screen {
  static query = { workspace: '', tab: 'segments' };

  workspace = undefined;

  list = new Rows(this, async (cursor, signal) => {
    this.workspace = await pickWorkspace(this.query.workspace);
    return this.workspace ? api.get(`/api/v1/${this.query.tab}`, { query: { workspace: this.workspace.id, cursor, limit: 50 }, signal }) : { data: [] };
  });

  routeChanged() { this.list.reload({ fresh: true }); }

  get keys() { return session.may('member') ? { c: { label: 'New segment', run: () => go(`${base}/new`) } } : {}; }

  #newList = () => confirm({ title: 'New list', text: 'A list holds leads that you put into it.', action: 'Create list', reason: 'Name', run: (name) => api.post('/api/v1/lists', { workspace: this.workspace.id, name }) }).then((done) => done && (this.query.tab === 'lists' ? this.list.reload() : this.setQuery({ tab: 'lists' })));

  columns = {
    segments: [{ label: 'Segment', cell: (row) => row.name, href: (row) => `${base}/${row.id}` }, { label: 'Conditions', cell: (row) => count(JSON.stringify(row.filter).split('"operator"').length - 1), end: true }, { label: 'Changed', cell: (row) => time(row.updated_at) }],
    lists: [{ label: 'List', cell: (row) => row.name, href: (row) => `/dashboard/leads/lists/${row.id}` }, { label: 'Leads', cell: (row) => count(row.leads), end: true }, { label: 'Created', cell: (row) => time(row.created_at) }],
  };

  render() {
    const { tab } = this.query;
    const actions = session.may('member') ? html`<button type="button" @click=${this.#newList}>New list</button><a class="button primary" href="${base}/new">${icon('plus')}New segment</a>` : nothing;
    const head = header({ title: 'Lists and segments', actions });
    if (this.workspace === null) return html`${head}${noWorkspace()}`;
    return html`${head}${tabs('What', [['segments', 'Segments'], ['lists', 'Lists']].map(([name, label]) => ({ label, href: this.href({ tab: name }), current: tab === name })))}<div class="filters">${workspaceChoice(this.workspace, (workspace) => this.setQuery({ workspace }))}</div>
      ${show(this.list, { data: (rows) => html`<pm-table caption=${words(tab)} .rows=${rows} .columns=${this.columns[tab]} .list=${this.list}></pm-table>`, empty: () => (tab === 'lists'
    ? empty({ title: 'No lists yet', text: 'A list holds leads that you put into it, by hand or by an import.', mark: 'segments', actions })
    : empty({ title: 'No segments yet', text: 'A segment is a filter with a name. Whoever fits belongs to it, also tomorrow; campaigns ask again before each mail.', mark: 'segments', actions })) })}`;
  }
}

const people = [
  { label: 'E-mail', cell: (row) => row.email, href: (row) => `/dashboard/leads?open=${row.id}` },
  { label: 'Name', cell: (row) => [row.first_name, row.last_name].filter(Boolean).join(' ') },
  { label: 'Company', cell: (row) => row.company ?? '', small: 'hide' },
  { label: 'Status', cell: (row) => status(row.status) },
];

export class List extends Screen {
  one = new Resource(this, (signal) => api.get(`/api/v1/lists/${this.params.id}`, { signal }));

  list = new Rows(this, (cursor, signal) => api.get(`/api/v1/lists/${this.params.id}/leads`, { query: { cursor, limit: 50 }, signal }));

  selected = new Set();

  #reload() {
    this.selected = new Set();
    this.one.reload();
    this.list.reload();
  }

  #out = () => {
    const leads = [...this.selected];
    const path = `/api/v1/lists/${this.params.id}/leads`;
    api.delete(path, { body: { leads } }).then(({ removed }) => {
      toast(`${plural(removed, 'lead')} taken out of the list.`, { undo: () => api.post(path, { leads }).then(() => this.#reload(), toastError) });
      this.#reload();
    }, toastError);
  };

  render() {
    const one = this.one.data;
    const path = `/api/v1/lists/${this.params.id}`;
    const items = one && session.may('member') && [
      { label: 'Rename', run: () => confirm({ title: 'Rename the list', text: one.name, action: 'Rename', reason: 'New name', run: (name) => api.patch(path, { name }, { ifMatch: one }) }).then((done) => done && this.one.reload()) },
      { label: 'Delete', danger: true, run: () => confirm({ title: `Delete ${one.name}`, text: `The list goes; its ${plural(one.leads, 'lead')} stay.`, action: 'Delete list', danger: true, run: () => api.delete(path, { ifMatch: '*' }) }).then((done) => done && go(`${base}?tab=lists`)) },
    ];
    return html`${header({ title: one?.name ?? 'List', note: one && plural(one.leads, 'lead'), back: { href: `${base}?tab=lists`, label: 'Lists' }, actions: items ? html`<a class="button" href="/dashboard/leads/import?list=${one.id}&workspace=${session.list?.find((space) => space.id === one.workspace)?.slug}">${icon('upload')}Import into it</a>${menu('More', items)}` : nothing })}
      ${show(this.list, { data: (rows) => html`<pm-table caption="Leads of the list" .rows=${rows} .columns=${people} .list=${this.list} .selected=${items ? this.selected : undefined} @select=${({ detail }) => { this.selected = detail; this.requestUpdate(); }}></pm-table>`,
    empty: () => empty({ title: 'Nobody is in this list', text: 'Choose leads on the page Leads and put them into it, or import a file.', mark: 'leads', actions: html`<a class="button" href="/dashboard/leads">Leads</a>` }) })}
      ${this.selected.size ? html`<div class="bulk" role="group" aria-label="With the chosen leads"><b>${plural(this.selected.size, 'lead')} chosen</b><button type="button" @click=${this.#out}>Take out of the list</button></div>` : nothing}`;
  }
}

export class Segment extends Screen {
  tree = group('all');

  fault = null;

  get isNew() { return this.params.id === 'new'; }

  get draft() { return `segment-${this.params.id}`; }

  one = new Resource(this, async (signal) => {
    const [made, spaces, own] = await Promise.all([this.isNew ? null : api.get(`/api/v1/segments/${this.params.id}`, { signal }), session.workspaces(), api.get('/api/v1/leads/fields', { signal })]);
    const workspace = spaces.find((one) => one.id === made?.workspace) ?? await pickWorkspace();
    this.workspace = workspace?.id;
    const get = (path) => (workspace ? api.get(path, { query: { workspace: workspace.id, limit: 100 }, signal }).then((answer) => answer.data.map((one) => [one.id, one.name ?? one.file_name])) : []);
    const [list, campaign, imported] = await Promise.all([get('/api/v1/lists'), get('/api/v1/campaigns'), get('/api/v1/imports')]);
    const typed = drafts.read(this.draft);
    this.tree = fromFilter(typed?.filter ?? made?.filter ?? { all: [{ field: 'company', operator: 'contains', value: '' }] });
    if (!this.tree.items) this.tree = group('all', [this.tree]);
    this.form.fill({ name: typed?.name ?? made?.name ?? '' });
    this.preview.reload();
    return { made, workspace, fields: [...FIELDS, ...own.data.map((one) => ({ name: `custom.${one.key}`, kind: one.kind, label: one.name, choices: one.choices }))], choices: { list, campaign, import: imported, status: STATUSES.map((name) => [name, words(name)]) } };
  });

  preview = new Resource(this, async (signal) => {
    if (!isComplete(this.tree)) return null;
    try {
      const answer = await api.post('/api/v1/segments/preview', { workspace: this.workspace, filter: toFilter(this.tree) }, { signal });
      this.fault = null;
      return answer;
    } catch (error) {
      this.#blame(error);
      if (this.fault) return null;
      throw error;
    }
  }, { auto: false });

  form = new Form(this, {
    send: ({ name }, key) => {
      const body = { name, filter: toFilter(this.tree) };
      const { made, workspace } = this.one.data;
      return made ? api.put(`/api/v1/segments/${made.id}`, body, { ifMatch: `"${made.revision}"` }) : api.post('/api/v1/segments', { ...body, workspace: workspace.id }, { key });
    },
    check: () => (isComplete(this.tree) ? {} : { tree: 'Fill in each condition, or remove it.' }),
    done: (made) => {
      drafts.forget(this.draft);
      toast(`${made.name} is saved.`);
      if (this.isNew) go(`${base}/${made.id}`, { replace: true, keep: true });
      else this.one.set({ ...this.one.data, made });
    },
  });

  routeChanged(before) { if (before.pathname !== this.route.pathname) this.one.reload(); }

  #blame(error) {
    const { path } = error.problem ?? {};
    this.fault = path === undefined ? null : { node: nodeAt(this.tree, path), text: error.detail.replace(`${path}: `, '') };
  }

  #changed(focus) {
    this.fault = null;
    drafts.write(this.draft, { name: this.form.values.name, filter: toFilter(this.tree) });
    this.requestUpdate();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview.reload(), 400);
    if (focus) this.updateComplete.then(() => (this.querySelector(`[data-node="${focus[0]}"] ${focus[1] ?? 'select'}`) ?? this.querySelector('[data-add]'))?.focus());
  }

  #set(one, changes) {
    Object.assign(one, changes);
    this.#changed();
  }

  render() {
    const { data } = this.one;
    const made = data?.made;
    const may = session.may('member');
    const remove = () => confirm({ title: `Delete ${made.name}`, text: 'The filter goes; the leads stay. Campaigns that write to it must name another audience first.', action: 'Delete segment', danger: true, run: () => api.delete(`/api/v1/segments/${made.id}`, { ifMatch: '*' }) }).then((done) => done && go(base));
    const head = header({ title: made?.name ?? (this.isNew ? 'New segment' : 'Segment'), back: { href: base, label: 'Segments' }, actions: made ? html`<a class="button" href="/dashboard/leads?segment=${made.id}">Its leads</a>${may ? menu('More', [{ label: 'Delete', danger: true, run: remove }]) : nothing}` : nothing });
    if (data && !data.workspace) return html`${head}${noWorkspace()}`;
    return html`${head}${show(this.one, { isEmpty: () => false, data: () => html`<div class="split"><section>${may
      ? this.form.render(html`<div class="narrow-form">${this.form.field('name', { label: 'Name', required: true, maxlength: 100, onInput: () => this.#changed() })}</div>${this.#group(this.tree)}
        ${this.form.errors.tree ? html`<p class="error" role="alert">${icon('warn')}${this.form.errors.tree}</p>` : nothing}`, { submit: this.isNew ? 'Create segment' : 'Save segment', busy: 'Saving' })
      : html`<fieldset disabled><legend>Filter</legend>${this.#group(this.tree)}</fieldset>`}</section>${this.#preview()}</div>` })}`;
  }

  #preview() {
    const { data } = this.preview;
    return html`<section class="card stack"><h2>Who this is</h2>${this.preview.error && !this.preview.data ? problem(this.preview.error, { retry: () => this.preview.reload() }) : nothing}
      <div role="status">${data ? html`<p class="stat"><span class="value">${count(data.count)}${data.is_capped ? '+' : ''}</span><span class="note">${data.count === 1 ? 'lead fits' : 'leads fit'} now</span></p>` : html`<p class="note">${this.fault ? 'One condition cannot be used yet.' : isComplete(this.tree) ? 'Counting' : 'Fill in each condition to see who fits.'}</p>`}</div>
      ${data?.sample.length ? html`<h3>Some of them</h3><ul class="stack tight">${data.sample.slice(0, 10).map((lead) => html`<li><a href="/dashboard/leads?open=${lead.id}" dir="auto">${lead.email}</a> <span class="quiet" dir="auto">${lead.company ?? ''}</span></li>`)}</ul>` : nothing}</section>`;
  }

  #group(one) {
    const add = (item) => {
      one.items.push(item);
      this.#changed([item.id]);
    };
    const root = one === this.tree;
    return html`<fieldset class="tree" data-node=${one.id}><legend class="hidden">Group: ${JOINS[one.join]}</legend>
      <div class="rule">${field({ name: `join-${one.id}`, label: 'Of the leads', hideLabel: true, type: 'select', value: one.join, options: Object.entries(JOINS), onInput: (join) => this.#set(one, { join }) })}${root ? nothing : this.#moves(one, 'group')}</div>
      ${this.#why(one)}${repeat(one.items, (item) => item.id, (item) => (item.items ? this.#group(item) : this.#condition(item)))}
      <div class="actions"><button type="button" class="small" data-add @click=${() => add(condition())}>${icon('plus')}Condition</button><button type="button" class="small" @click=${() => add(group('any'))}>${icon('plus')}Group</button>${one.join === 'all' ? html`<button type="button" class="small" @click=${() => add(group('none'))}>${icon('plus')}Exclusion</button>` : nothing}</div></fieldset>`;
  }

  #why = (one) => (this.fault?.node === one ? html`<p class="error" role="alert">${icon('warn')}${this.fault.text}</p>` : nothing);

  #moves(one, what) {
    const go = (by, mark) => move(this.tree, one, by) && this.#changed([one.id, `[data-go=${mark}]`]);
    const button = (label, mark, run) => html`<button type="button" class="quiet" data-go=${mark} aria-label="${label} this ${what}" title=${label} @click=${run}>${icon(mark)}</button>`;
    return html`<span class="row">${button('Move up', 'up', () => go(-1, 'up'))}${button('Move down', 'down', () => go(1, 'down'))}${button('Remove', 'trash', () => {
      const parent = parentOf(this.tree, one);
      parent.items.splice(parent.items.indexOf(one), 1);
      this.#changed([parent.id]);
    })}</span>`;
  }

  #condition(one) {
    const { fields } = this.one.data;
    const known = fields.find((item) => item.name === one.field) ?? { name: one.field, kind: 'text', label: `${words(one.field)} (not there any more)` };
    const pick = (label, value, options, onInput) => field({ name: `${label}-${one.id}`, label, hideLabel: true, type: 'select', value, options, onInput });
    const choose = (name) => {
      const { kind } = fields.find((item) => item.name === name);
      const [operator] = kind === 'text' ? ['contains'] : OPERATORS[kind];
      this.#set(one, { field: name, operator, value: freshValue(kind, operator), campaign: undefined, typed: undefined });
    };
    const operators = OPERATORS[known.kind] ?? OPERATORS.text;
    return html`<div data-node=${one.id}><div class="rule">${pick('Field', one.field, [...(fields.includes(known) ? [] : [known]), ...fields].map((item) => [item.name, item.label]), choose)}
      ${known.kind === 'did' ? this.#did(one, pick) : html`${pick('Operator', one.operator, operators.map((name) => [name, SAID[name]]), (operator) => this.#set(one, { operator, typed: undefined, ...(typeof freshValue(known.kind, operator) === typeof one.value && !Array.isArray(one.value) && !Array.isArray(freshValue(known.kind, operator)) ? {} : { value: freshValue(known.kind, operator) }) }))}${this.#value(one, known, pick)}`}
      ${this.#moves(one, 'condition')}</div>${this.#why(one)}</div>`;
  }

  #did = (one, pick) => html`${pick('Whether', String(one.value !== (one.operator === 'not_equals')), [['true', 'yes'], ['false', 'no']], (value) => this.#set(one, { operator: 'equals', value: value === 'true' }))}
    ${pick('Campaign', one.campaign ?? '', [['', 'in any campaign'], ...this.one.data.choices.campaign], (campaign) => this.#set(one, { campaign: campaign || undefined }))}`;

  #value(one, { kind, choices }, pick) {
    const { operator, value } = one;
    const several = ['in', 'not_in'].includes(operator);
    if (SET.includes(operator)) return nothing;
    if (kind === 'boolean') return pick('Value', String(value), [['true', 'yes'], ['false', 'no']], (given) => this.#set(one, { value: given === 'true' }));
    if (CHOSEN.includes(kind)) {
      const options = this.one.data.choices[kind] ?? choices.map((choice) => [choice, choice]);
      if (!several) return pick('Value', value, [['', 'Choose'], ...options], (given) => this.#set(one, { value: given }));
      return html`<fieldset class="row wrap"><legend class="hidden">Values</legend>${options.map(([key, label]) => field({ name: `${key}-${one.id}`, label, type: 'checkbox', value: value.includes(key), onInput: (on) => this.#set(one, { value: on ? [...value, key] : value.filter((given) => given !== key) }) }))}</fieldset>`;
    }
    const read = (text) => (kind === 'number' && text !== '' && Number.isFinite(Number(text)) ? Number(text) : text);
    if (several) return field({ name: `values-${one.id}`, label: 'Values, divided by commas', hideLabel: true, placeholder: 'one, another', value: one.typed ?? value.join(', '), onInput: (text) => this.#set(one, { typed: text, value: text.split(',').map((part) => read(part.trim())).filter((part) => part !== '') }) });
    const set = (at) => (given) => this.#set(one, { value: at === undefined ? given : value.map((part, place) => (place === at ? given : part)) });
    const input = (part, onGiven, label) => {
      if (!['date', 'instant'].includes(kind)) return field({ name: `${label}-${one.id}`, label, hideLabel: true, type: kind === 'number' ? 'number' : 'text', step: 'any', value: part, onInput: (text) => onGiven(read(text)) });
      const ago = typeof part === 'object';
      return html`${operator.endsWith('equals') && kind === 'instant' ? nothing : pick(`${label} as`, ago ? 'ago' : 'day', [['day', 'the day'], ['ago', 'days ago']], (how) => onGiven(how === 'ago' ? { days_ago: 30 } : ''))}
        ${field({ name: `${label}-${one.id}`, label: ago ? 'Days ago' : label, hideLabel: true, type: ago ? 'number' : 'date', value: ago ? part.days_ago : String(part).slice(0, 10), onInput: (text) => onGiven(ago ? { days_ago: Number(text) } : text) })}`;
    };
    return operator === 'between' ? html`${input(value[0], set(0), 'From')}${input(value[1], set(1), 'To')}` : input(value, set(), 'Value');
  }
}
