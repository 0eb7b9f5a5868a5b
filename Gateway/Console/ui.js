// The parts that screens are made of: template functions, a few light-DOM elements, and the base of every screen.
import { AsyncDirective, LitElement, classMap, directive, html, ifDefined, keyed, live, nothing, ref, render, repeat, svg } from './ui/lit.js';
import { ApiError, ago, api, clock, count, drafts, exact, percent, readQuery, session, staleness, words, writeQuery } from './core.js';

export * from './core.js';
export { LitElement, classMap, html, ifDefined, keyed, live, nothing, ref, render, repeat, svg };

// Icons: 16 × 16, one stroke each

const ICONS = {
  home: 'M2 7.5 8 2.5l6 5V14H2zM6.5 14v-4h3v4',
  leads: 'M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M11 3a2.5 2.5 0 0 1 0 4.5M12 9.8c1.5.5 2.5 1.9 2.5 3.7',
  inbox: 'M2 9.5 4 3h8l2 6.5V13H2zM2 9.5h3.5L6.5 11h3l1-1.5H14',
  campaigns: 'M2 7.5 14 2l-3.5 12-3-5zM7.5 9 14 2',
  templates: 'M3 2h7l3 3v9H3zM10 2v3h3M5.5 8.5h5M5.5 11h3',
  mailboxes: 'M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5',
  domains: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M2 8h12M8 2c2 2 2.5 4 2.5 6S10 12 8 14M8 2C6 4 5.5 6 5.5 8S6 12 8 14',
  segments: 'M2.5 3h11L9.5 8.5V13l-3-1.5v-3z',
  audit: 'M3 2.5h10M3 6.5h10M3 10.5h5M10.5 12l1.5 1.5L14.5 10',
  billing: 'M2 4h12v8.5H2zM2 7h12M4.5 10h3',
  settings: 'M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M10.5 6a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3M5.5 13a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3',
  webhooks: 'M6 6.5 4 10.5M8 4.5a2 2 0 1 0-2 2M4 10.5a2 2 0 1 0 2 2h5M8 4.5l2.5 5M11.5 13.5a2 2 0 1 0-1-3.8',
  support: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M6 6.2C6.2 5 7 4.5 8 4.5s2 .7 2 1.8C10 7.8 8 7.8 8 9.2M8 11.3v.2',
  queue: 'M2 4h12M2 8h12M2 12h7M11.5 10.5v3M13.5 10.5v3',
  tenants: 'M2.5 14V3.5L8 2v12M8 6l5.5 1.5V14M1.5 14h13M4.5 6h1.5M4.5 9h1.5M10.5 10h1',
  finance: 'M2 13.5h12M4 13V8.5M8 13V3M12 13V6',
  status: 'M1.5 8.5h3L6.5 3l3 10 2-4.5h3',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10M10.7 10.7 14 14',
  plus: 'M8 3v10M3 8h10', close: 'm3.5 3.5 9 9M12.5 3.5l-9 9', check: 'm3 8.5 3.5 3.5L13 4.5',
  warn: 'M8 2.5 14.5 13.5h-13zM8 6.5v3.5M8 11.8v.2', info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 7.5v3.5M8 5v.2',
  stop: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M5.5 5.5l5 5M10.5 5.5l-5 5', pause: 'M5.5 3.5v9M10.5 3.5v9', play: 'M4.5 3 12.5 8l-8 5z',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 4.5V8l2.5 1.5', copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3', edit: 'M2.5 13.5l.7-3L10.5 3.2l2.3 2.3-7.3 7.3z',
  trash: 'M3 4.5h10M6 4.5v-2h4v2M4 4.5l.7 9h6.6l.7-9', download: 'M8 2.5v8M4.5 7.5 8 11l3.5-3.5M2.5 13.5h11', upload: 'M8 11V3M4.5 6 8 2.5 11.5 6M2.5 13.5h11',
  more: 'M3.5 8v.1M8 8v.1M12.5 8v.1', down: 'm4 6 4 4 4-4', up: 'm4 10 4-4 4 4', right: 'm6 4 4 4-4 4', left: 'm10 4-4 4 4 4',
  retry: 'M13.5 8A5.5 5.5 0 1 1 11.8 4L13.5 5.7M13.5 2.5v3.2h-3.2', menu: 'M2 4h12M2 8h12M2 12h12', out: 'M6 3H3v10h3M7 8h7M11 5l3 3-3 3',
  sun: 'M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1', external: 'M9 3h4v4M13 3 7.5 8.5M11 9.5V13H3V5h3.5', eye: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8M8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6',
  grip: 'M6 4v.1M6 8v.1M6 12v.1M10 4v.1M10 8v.1M10 12v.1', dot: 'M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4',
};

/** An icon, mute for screen readers: icon('plus'). */
export const icon = (name) => html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${ICONS[name] ?? ICONS.dot}></path></svg>`;

// Going somewhere

/** Goes to a path of the console: go('/dashboard/leads'), go(path, { replace: true, keep: true }); keep leaves focus and scroll alone. */
export function go(href, { replace = false, keep = false } = {}) {
  history[replace ? 'replaceState' : 'pushState']({ keep }, '', href);
  globalThis.dispatchEvent(new CustomEvent('pm-go', { detail: { keep } }));
}

/** The base of every screen: light DOM, the route's parameters, the URL's query typed like `static query`. */
export class Screen extends LitElement {
  static properties = { route: { attribute: false } };

  /** Names and defaults of what the URL holds. */
  static query = {};

  createRenderRoot() { return this; }

  get params() { return this.route?.params ?? {}; }

  get query() { return readQuery(this.route?.search ?? '', this.constructor.query); }

  get session() { return session; }

  /** The address of this screen with other values in the query. */
  href(changes) { return this.route.pathname + writeQuery({ ...this.query, ...changes }, this.constructor.query); }

  /** Changes the query without leaving the screen; `push` makes a step that Back undoes. */
  setQuery(changes, { push = false } = {}) { go(this.href(changes), { replace: !push, keep: true }); }

  willUpdate(changed) {
    const before = changed.get('route');
    if (before) this.routeChanged(before);
  }

  /** The query or a parameter changed while the screen stayed; usually: this.list.reload(). */
  routeChanged() {}
}

// Heads, words, small parts

/** A page's head, whose h1 gets the focus when one arrives: header({ title: 'Leads', note, back: { href, label }, actions: html`…` }). */
export const header = ({ title, note, back, actions, badge: mark }) => html`<header class="head">
  ${back ? html`<a class="back" href=${back.href}>${icon('left')}${back.label}</a>` : nothing}
  <div class="row wrap"><h1 tabindex="-1" dir="auto">${title}</h1>${mark ?? nothing}<div class="actions">${actions ?? nothing}</div></div>
  ${note ? html`<p class="note">${note}</p>` : nothing}</header>`;

/** A time, relative, with the exact one and its zone at hand: time(lead.created_at). */
export const time = (value) => (value ? html`<time datetime=${new Date(value).toISOString()} title=${exact(value)}>${ago(value)}</time>` : html`<span class="quiet">–</span>`);

const TONES = {
  good: 'active operational verified valid healthy green accepted delivered sent completed succeeded success paid enabled on ok connected published pass live',
  warn: 'paused warning degraded pending deferred held past_due trialing yellow recommended scheduled invited maintenance unverified queued waiting ambiguous',
  bad: 'failed error down critical suspended red refused bounced missing invalid canceled cancelled unpaid denied complained disabled lost fail expired revoked',
};
const MARKS = { good: 'check', warn: 'clock', bad: 'warn', none: 'dot' };
const toneOf = (state) => Object.keys(TONES).find((tone) => TONES[tone].split(' ').includes(state)) ?? 'none';

/** A state with icon and word, never colour alone: status('paused'), status('ok', { word: 'Published', tone: 'good' }). */
export function status(state, { word = words(state), tone = toneOf(state), mark = MARKS[tone] } = {}) {
  return html`<span class="badge ${tone}">${icon(mark)}${word}</span>`;
}

/** A number with its name: stat({ label: 'Sent', value: 1200, note: 'of 5,000', href, tone }). */
export const stat = ({ label, value, note, href, tone = '' }) => {
  const inner = html`<span class="label">${label}</span><span class="value ${tone}">${typeof value === 'number' ? count(value) : value}</span>${note ? html`<span class="note">${note}</span>` : nothing}`;
  return href ? html`<a class="stat" href=${href}>${inner}</a>` : html`<div class="stat">${inner}</div>`;
};

// On a narrow screen the tab that is open is in sight.
const seen = ref((tab) => tab && queueMicrotask(() => { tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 48; }));

/** Tabs whose choice is in the URL: tabs('State', [{ label: 'All', href, count: 3, current: true }]). */
export const tabs = (label, items) => html`<nav class="tabs" aria-label=${label}>${items.map((item) => html`<a href=${item.href} data-keep aria-current=${item.current ? 'page' : nothing} ${item.current ? seen : nothing}>${item.label}${item.count == null ? nothing : html`<span class="count">${count(item.count)}</span>`}</a>`)}</nav>`;

/** Copies a text and says so: copy(record.value, 'Copy value'). */
export function copy(text, label = 'Copy') {
  const run = async (event) => {
    const button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(text);
      toast('Copied.');
    } catch {
      const code = button.parentElement?.querySelector('code');
      if (code) getSelection().selectAllChildren(code);
      toast('Copying is not allowed here. The text is selected.');
    }
  };
  return html`<button type="button" class="quiet small" @click=${run} aria-label=${label} title=${label}>${icon('copy')}</button>`;
}

/** A button that opens a list of actions: menu('More', [{ label: 'Rename', run, danger, disabled }]). */
export function menu(label, items, { mark = 'more', text } = {}) {
  const close = (event) => { event.currentTarget.closest('details').open = false; };
  const leave = (event) => { if (!event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false; };
  const escape = (event) => {
    if (event.key !== 'Escape' || !event.currentTarget.open) return;
    event.stopPropagation();
    event.currentTarget.open = false;
    event.currentTarget.querySelector('summary').focus();
  };
  return html`<details class="menu" @focusout=${leave} @keydown=${escape}><summary class="button quiet" aria-label=${text ? nothing : label} title=${label}>${text ?? nothing}${icon(mark)}</summary>
    <div class="sheet">${items.filter(Boolean).map((item) => (item.href
    ? html`<a href=${item.href} @click=${close}>${item.label}</a>`
    : html`<button type="button" class=${item.danger ? 'danger' : ''} ?disabled=${item.disabled} @click=${(event) => { close(event); item.run(); }}>${item.label}</button>`))}</div></details>`;
}

/** Parts of a whole that sum to it, as a bar and in words: parts({ label: 'Mails', total: 10, parts: [{ label: 'Sent', value: 4, tone: 'good', href }] }). */
export function parts({ label, total, parts: list }) {
  const known = list.reduce((sum, part) => sum + (part.value ?? 0), 0);
  const all = known < total ? [...list, { label: 'Not accounted for', value: total - known, tone: 'warn' }] : list;
  let at = 0;
  const shown = all.filter((part) => part.value > 0).map((part) => {
    const x = at;
    at += part.value;
    return svg`<rect class=${part.tone ?? 'none'} x=${x} width=${part.value} y="0" height="1"></rect>`;
  });
  return html`<figure class="parts"><svg viewBox="0 0 ${Math.max(total, known, 1)} 1" preserveAspectRatio="none" role="img" aria-label="${label}: ${all.map((part) => `${count(part.value)} ${part.label}`).join(', ')}; ${count(total)} in all">${shown}</svg>
    <ul>${all.map((part) => html`<li><span class="key ${part.tone ?? 'none'}"></span>${part.href ? html`<a href=${part.href}>${part.label}</a>` : part.label} <b>${count(part.value)}</b> <span class="quiet">${percent(part.value, total)}</span></li>`)}<li class="sum">${label} <b>${count(total)}</b></li></ul></figure>`;
}

/** How much of a limit is used, in words too: usage({ label: 'Leads', used: 90, limit: 100 }); no limit: limit undefined. */
export const usage = ({ label, used, limit, note }) => html`<div class="usage"><div class="row"><span>${label}</span><b>${count(used)}${limit == null ? html` <span class="quiet">no limit</span>` : ` of ${count(limit)}`}</b></div>
  ${limit == null ? nothing : html`<progress class=${used >= limit ? 'bad' : used >= limit * 0.8 ? 'warn' : ''} max=${Math.max(limit, 1)} value=${Math.min(used, limit)} aria-label=${label}></progress>`}${note ? html`<p class="note">${note}</p>` : nothing}</div>`;

// The five states

/** Nothing here yet: empty({ title: 'No leads yet', text: 'Import a file or add one.', actions: html`…` }). */
export const empty = ({ title, text, actions, mark = 'inbox' }) => html`<div class="empty">${icon(mark)}<h2>${title}</h2>${text ? html`<p>${text}</p>` : nothing}${actions ? html`<div class="actions">${actions}</div>` : nothing}</div>`;

/** What went wrong, in words, with the request id: problem(error, { retry: () => … }). */
export const problem = (error, { retry } = {}) => html`<div class="problem" role="alert">${icon('warn')}<div><p><b>${error.message}</b> ${error.detail ?? ''}</p>
  ${error.requestId ? html`<p class="quiet">Request <code>${error.requestId}</code></p>` : nothing}</div>${retry ? html`<button type="button" @click=${retry}>Try again</button>` : nothing}</div>`;

/** A grey shape of what is to come: skeleton(5). */
export const skeleton = (lines = 5) => html`<div class="skeleton" role="status"><span class="hidden">Loading</span>${Array.from({ length: lines }, () => html`<span></span>`)}</div>`;

/**
 * A resource in whichever of the five states it is in:
 * show(this.list, { data: (rows) => html`…`, empty: () => empty({ … }), isFiltered: query.q !== '', clear: () => this.setQuery({ q: '' }) })
 */
export function show(resource, { data, empty: none, isEmpty = (value) => Array.isArray(value) && !value.length, isFiltered = false, clear, lines }) {
  if (resource.data === undefined) {
    if (resource.error && !resource.loading) {
      if (resource.error.status === 403 && resource.error.kind === 'forbidden') return noPermission();
      return problem(resource.error, { retry: () => resource.reload() });
    }
    return resource.slow ? skeleton(lines) : html`<div class="await"></div>`;
  }
  if (isEmpty(resource.data) && (isFiltered || none)) {
    return isFiltered
      ? empty({ title: 'Nothing matches', text: 'No entry fits these filters.', mark: 'search', actions: clear ? html`<button type="button" @click=${clear}>Clear filters</button>` : nothing })
      : none();
  }
  return html`${resource.isStale && !resource.error.isPassing ? problem(resource.error, { retry: () => resource.reload() }) : nothing}<div aria-busy=${resource.loading}>${data(resource.data)}</div>`;
}

/** The state of somebody who may not see this. */
export const noPermission = () => empty({ title: 'You may not see this', text: 'Your role does not include this page. An owner or admin of the company can change that.', mark: 'stop', actions: html`<a class="button" href="/dashboard">Go to Home</a>` });

// Dialogs

class Shown extends AsyncDirective {
  update(part) {
    const dialog = part.element;
    if (this.dialog === dialog) return;
    this.dialog = dialog;
    this.before = document.activeElement;
    queueMicrotask(() => {
      if (!dialog.isConnected || dialog.open) return;
      dialog.showModal();
      dialog.querySelector('[autofocus], .inside > :not(header) :is(input:not([type=hidden]), select, textarea)')?.focus();
    });
  }

  disconnected() {
    const before = this.before;
    queueMicrotask(() => before?.isConnected && before.focus());
  }
}
const shown = directive(Shown);

const frame = ({ title, kind, body, onClose }) => html`<dialog class=${kind} aria-label=${title} ${shown()} @close=${onClose} @click=${(event) => { if (event.target === event.currentTarget) event.currentTarget.close(); }}>
  <div class="inside"><header class="row" role="none"><h2 dir="auto">${title}</h2><button type="button" class="quiet" aria-label="Close" title="Close" @click=${(event) => event.currentTarget.closest('dialog').close()}>${icon('close')}</button></header>${body}</div></dialog>`;

/** A sheet at the side while it is in the template: open ? drawer({ title, body, onClose: () => this.setQuery({ open: '' }) }) : nothing. */
export const drawer = ({ title, body, onClose }) => frame({ title, kind: 'drawer', body, onClose });

/** The same in the middle. */
export const dialog = ({ title, body, onClose }) => frame({ title, kind: 'modal', body, onClose });

/** Opens a dialog from code; resolves with what close(value) was given: await openDialog({ title, body: ({ close, update }) => html`…` }). */
export function openDialog({ title, body, kind = 'modal' }) {
  return new Promise((resolve) => {
    const place = document.createElement('div');
    let result;
    const close = (value) => {
      result = value;
      place.querySelector('dialog').close();
    };
    const draw = () => render(frame({ title, kind, body: body({ close, update: draw }), onClose: () => { render(nothing, place); place.remove(); resolve(result); } }), place);
    document.body.append(place);
    draw();
  });
}

/**
 * Asks before something that matters; names effect and number, runs it, and stays open when it fails. Resolves true when done.
 * await confirm({ title: 'Pause 3 campaigns', text: '12,840 mails wait.', action: 'Pause', danger: true, reason: 'Reason', run: (reason) => api.post(…) })
 */
export function confirm({ title, text, action, danger = false, reason, required = true, word, run }) {
  let error = null;
  let busy = false;
  return openDialog({
    title,
    body: ({ close, update }) => {
      const submit = async (event) => {
        event.preventDefault();
        if (busy) return;
        const given = new FormData(event.currentTarget);
        busy = true;
        error = null;
        update();
        try {
          await stepUp(() => run(given.get('reason')?.trim()));
          close(true);
        } catch (caught) {
          busy = false;
          error = caught;
          update();
        }
      };
      return html`<form class="stack" @submit=${submit}><p>${text}</p>
        ${reason ? field({ name: 'reason', label: reason, required, maxlength: 200 }) : nothing}
        ${word ? field({ name: 'word', label: html`Type <b>${word}</b> to go on`, required: true, pattern: word.replace(/[^\w ]/g, '.'), autocomplete: 'off' }) : nothing}
        ${error ? problem(error) : nothing}
        <div class="actions end"><button type="button" @click=${() => close(false)}>Cancel</button><button class=${danger ? 'danger' : 'primary'} ?disabled=${busy}>${busy ? 'Working' : action}</button></div></form>`;
    },
  }).then(Boolean);
}

/** Runs a request; where the API wants the password again, asks for it and runs once more: await stepUp(() => api.post(…)). */
export async function stepUp(run) {
  try {
    return await run();
  } catch (error) {
    if (error.kind !== 'step_up_required') throw error;
    const done = await askPassword();
    if (!done) throw new ApiError(403, { title: 'Nothing was changed.', detail: 'This needs your password.' });
    return run();
  }
}

function askPassword() {
  let error = null;
  return openDialog({
    title: 'Enter your password again',
    body: ({ close, update }) => html`<form class="stack" @submit=${async (event) => {
      event.preventDefault();
      const password = new FormData(event.currentTarget).get('password');
      try {
        await api.post('/api/v1/auth/step-up', { password });
        close(true);
      } catch (caught) {
        error = caught;
        update();
      }
    }}><p>What you are about to do is sensitive. Your password is good for 15 minutes.</p>
      <input type="hidden" autocomplete="username" .value=${session.user?.email ?? ''}>
      ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', required: true, error: error?.message })}
      <div class="actions end"><button type="button" @click=${() => close(false)}>Cancel</button><button class="primary">Go on</button></div></form>`,
  });
}

// Toasts

let toasts = [];

/** Says what happened, politely; with `undo` it can be taken back: toast('3 leads deleted.', { undo: () => … }). */
export function toast(text, { undo, tone = '' } = {}) {
  const one = { text, undo, tone };
  const draw = () => render(html`${repeat(toasts, (item) => item, (item) => html`<div class="toast ${item.tone}">${item.text}
    ${item.undo ? html`<button type="button" class="small" @click=${() => { drop(item); item.undo(); }}>Undo</button>` : nothing}
    <button type="button" class="quiet small" aria-label="Dismiss" @click=${() => drop(item)}>${icon('close')}</button></div>`)}`, document.getElementById('toasts'));
  const drop = (item) => {
    toasts = toasts.filter((other) => other !== item);
    draw();
  };
  toasts = [...toasts.slice(-2), one];
  draw();
  setTimeout(() => drop(one), undo ? 10_000 : 5_000);
}

/** Says that a request failed, where there is no better place for it. */
export const toastError = (error) => toast(`${error.message} ${error.detail ?? ''}${error.requestId ? ` (request ${error.requestId})` : ''}`, { tone: 'bad' });

/** Changes something from a button and says what came of it: await attempt(() => api.post(…), 'Paused.'); the answer (true when there is none), or null. */
export async function attempt(run, said) {
  try {
    const answer = await stepUp(run) ?? true;
    if (said) toast(typeof said === 'function' ? said(answer) : said);
    return answer;
  } catch (error) {
    toastError(error);
    return null;
  }
}

// Forms

let fields = 0;
const ids = new Map();
const idOf = (name) => {
  if (!ids.has(name)) ids.set(name, `field-${name.replace(/\W/g, '-')}-${fields += 1}`);
  return ids.get(name);
};

function showPassword(event) {
  const button = event.currentTarget;
  const input = button.previousElementSibling;
  input.type = input.type === 'password' ? 'text' : 'password';
  button.setAttribute('aria-pressed', String(input.type === 'text'));
}

/**
 * A labelled input with hint and error: field({ name: 'email', label: 'E-mail', type: 'email', value, error, hint, required: true, onInput: (value) => … })
 * type: text, email, password, number, search, date, time, textarea, select (options: [[value, label]] or [value]), switch, checkbox, code.
 */
export function field(options) {
  const { name, label, value, hint, error, onInput, required, disabled, rows = 4, options: choices = [], placeholder, autocomplete, min, max, step, maxlength, pattern: form, hideLabel, mono, list } = options;
  const type = options.type ?? 'text';
  const id = options.id ?? idOf(name);
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || nothing;
  const invalid = error ? 'true' : nothing;
  const boolean = type === 'switch' || type === 'checkbox';
  const tell = (event) => onInput?.(boolean ? event.target.checked : event.target.value, event);
  const optional = (text) => text ?? nothing;
  const bound = value === undefined ? nothing : live(value ?? '');
  const input = () => {
    if (type === 'textarea') return html`<textarea id=${id} name=${name} rows=${rows} class=${mono ? 'mono' : ''} dir="auto" ?required=${required} ?disabled=${disabled} placeholder=${optional(placeholder)} maxlength=${optional(maxlength)} aria-describedby=${described} aria-invalid=${invalid} .value=${value === undefined ? nothing : live(value ?? '')} @input=${tell}></textarea>`;
    if (type === 'select') {
      return html`<select id=${id} name=${name} ?required=${required} ?disabled=${disabled} aria-describedby=${described} aria-invalid=${invalid} @change=${tell}>${choices.map((choice) => {
        const [key, text] = [choice].flat();
        return html`<option value=${key} .selected=${String(key) === String(value ?? '')}>${text ?? key}</option>`;
      })}</select>`;
    }
    if (boolean) return html`<input id=${id} name=${name} type="checkbox" role=${type === 'switch' ? 'switch' : nothing} ?disabled=${disabled} ?required=${required} aria-describedby=${described} aria-invalid=${invalid} .checked=${live(Boolean(value))} @change=${tell}>`;
    const code = type === 'code';
    return html`<input id=${id} name=${name} type=${code ? 'text' : type} class=${code ? 'code' : mono ? 'mono' : ''} inputmode=${code ? 'numeric' : nothing} dir=${type === 'text' || type === 'search' ? 'auto' : nothing}
      autocomplete=${optional(autocomplete ?? (code ? 'one-time-code' : undefined))} spellcheck=${['email', 'password', 'code'].includes(type) ? 'false' : nothing} autocapitalize=${type === 'email' ? 'none' : nothing}
      ?required=${required} ?disabled=${disabled} placeholder=${optional(placeholder)} min=${optional(min)} max=${optional(max)} step=${optional(step)} maxlength=${optional(maxlength)} pattern=${optional(form)} list=${optional(list)}
      aria-describedby=${described} aria-invalid=${invalid} .value=${bound} @input=${tell}>`;
  };
  const notes = html`${hint ? html`<p class="note" id="${id}-hint">${hint}</p>` : nothing}${error ? html`<p class="error" id="${id}-error">${icon('warn')}${error}</p>` : nothing}`;
  if (boolean) return html`<div class="field check"><label for=${id}>${input()}<span>${label}</span></label>${notes}</div>`;
  return html`<div class="field"><label for=${id} class=${hideLabel ? 'hidden' : ''}>${label}${required || options.optional !== true ? nothing : html` <span class="quiet">optional</span>`}</label>
    ${type === 'password' ? html`<div class="joined">${input()}<button type="button" aria-pressed="false" aria-label="Show password" title="Show password" @click=${showPassword}>${icon('eye')}</button></div>` : input()}${notes}</div>`;
}

/**
 * A form of a screen: keeps what is typed through failures (and reloads, with `draft`), shows errors where they belong, sends once.
 * this.form = new Form(this, { initial: { name: '' }, draft: 'lead', send: (values, key) => api.post('/api/v1/leads', values, { key }), done: (answer) => … })
 * render: this.form.render(html`${this.form.field('name', { label: 'Name', required: true })}`, { submit: 'Add lead' })
 */
export class Form {
  constructor(host, { initial = {}, draft, send, done = () => {}, check = () => ({}) }) {
    Object.assign(this, { host, initial, draft, send, done, check });
    this.values = { ...initial, ...(draft ? drafts.read(draft) : null) };
    this.errors = {};
    this.problem = null;
    this.busy = false;
    this.dirty = false;
    this.secrets = new Set();
    this.key = crypto.randomUUID();
    this.place = `form-${fields += 1}`;
  }

  /** Sets values from code, as with what was loaded. */
  fill(values) {
    this.values = { ...this.values, ...values };
    this.dirty = false;
    this.host.requestUpdate();
  }

  set(name, value) {
    this.values = { ...this.values, [name]: value };
    this.dirty = true;
    this.key = crypto.randomUUID();
    if (this.errors[name]) this.errors = { ...this.errors, [name]: undefined };
    if (this.draft) drafts.write(this.draft, Object.fromEntries(Object.entries(this.values).filter(([key]) => !this.secrets.has(key))));
    this.host.requestUpdate();
  }

  /** A field of this form; `name` is the API's. */
  field(name, options) {
    if (options.type === 'password' || options.secret) this.secrets.add(name);
    return field({ ...options, name, id: `${this.place}-${name.replace(/\W/g, '-')}`, value: this.values[name] ?? '', error: this.errors[name], onInput: (value) => { this.set(name, value); options.onInput?.(value); } });
  }

  /** The form around its fields, with what went wrong and the button. */
  render(body, { submit = 'Save', busy = 'Saving', cancel, danger = false, extra } = {}) {
    const loose = this.problem && !Object.keys(this.problem.fields ?? {}).some((name) => this.errors[name]);
    return html`<form class="stack" id=${this.place} novalidate @submit=${this.submit}>${body}${loose ? problem(this.problem) : nothing}
      <div class="actions"><button class=${danger ? 'danger' : 'primary'} aria-disabled=${this.busy}>${this.busy ? busy : submit}</button>${cancel ? html`<button type="button" @click=${cancel}>Cancel</button>` : nothing}${extra ?? nothing}</div></form>`;
  }

  submit = async (event) => {
    event?.preventDefault();
    if (this.busy) return;
    const form = document.getElementById(this.place);
    this.errors = { ...missing(form), ...this.check(this.values) };
    this.problem = null;
    if (Object.values(this.errors).some(Boolean)) return this.#focusError();
    this.busy = true;
    this.host.requestUpdate();
    try {
      const answer = await stepUp(() => this.send(this.values, this.key));
      this.dirty = false;
      this.key = crypto.randomUUID();
      if (this.draft) drafts.forget(this.draft);
      this.busy = false;
      await this.done(answer);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.problem = error;
      this.errors = error.fields;
      this.busy = false;
      this.#focusError();
    } finally {
      this.busy = false;
      this.host.requestUpdate();
    }
  };

  async #focusError() {
    this.host.requestUpdate();
    await this.host.updateComplete;
    document.getElementById(this.place)?.querySelector('[aria-invalid="true"]')?.focus();
  }
}

/** What the browser finds missing or malformed, in our words, by name. */
function missing(form) {
  const faults = {};
  for (const input of form?.elements ?? []) {
    if (!input.name || input.validity.valid) continue;
    faults[input.name] = input.validity.valueMissing ? 'This is needed.' : input.validationMessage;
  }
  return faults;
}

// Lists

/** Search and filters above a list: filters({ search: { value, label, onInput }, chips: [{ label: 'Status: active', onRemove }], body: html`more controls` }). */
export function filters({ search, chips = [], body }) {
  let timer;
  const later = (event) => {
    const { value } = event.target;
    clearTimeout(timer);
    clearTimeout(event.target.timer);
    event.target.timer = setTimeout(() => search.onInput(value.trim()), 250);
  };
  return html`<div class="filters" role="search">${search ? html`<label class="search"><span class="hidden">${search.label ?? 'Search'}</span>${icon('search')}<input type="search" data-search name="q" .value=${search.value ?? ''} placeholder=${search.label ?? 'Search'} @input=${later}></label>` : nothing}${body ?? nothing}
    ${chips.filter(Boolean).map((chip) => html`<span class="chip"><span dir="auto">${chip.label}</span><button type="button" aria-label="Remove ${chip.label}" @click=${chip.onRemove}>${icon('close')}</button></span>`)}</div>`;
}

/**
 * A table: <pm-table caption="Leads" .columns=${columns} .rows=${rows} .key=${(row) => row.id} .list=${this.list}
 *   .selected=${this.selected} @select=${(event) => { this.selected = event.detail; }} .sort=${{ by, desc }} @sort=${…}></pm-table>
 * column: { label, cell: (row) => …, href: (row) => …, open: (row) => …, end: true (numbers), sort: 'name', small: 'hide', main: true }
 */
export class Table extends LitElement {
  static properties = { columns: { attribute: false }, rows: { attribute: false }, key: { attribute: false }, list: { attribute: false }, selected: { attribute: false }, sort: { attribute: false }, caption: {} };

  constructor() {
    super();
    this.columns = [];
    this.rows = [];
    this.key = (row) => row.id;
  }

  createRenderRoot() { return this; }

  render() {
    const keys = this.rows.map(this.key);
    const all = this.selected && keys.length > 0 && keys.every((key) => this.selected.has(key));
    return html`<div class="scroll"><table><caption class="hidden">${this.caption}</caption>
      <thead><tr>${this.selected ? html`<th class="pick"><input type="checkbox" aria-label="Select all shown" .checked=${live(all)} .indeterminate=${!all && this.selected.size > 0} @change=${() => this.#select(all ? [] : keys)}></th>` : nothing}
      ${this.columns.map((column) => this.#head(column))}</tr></thead>
      <tbody>${repeat(this.rows, this.key, (row) => this.#row(row))}</tbody></table></div>${this.#foot()}`;
  }

  #head(column) {
    const by = this.sort?.by === column.sort && column.sort;
    const classes = `${column.end ? 'end' : ''} ${column.small === 'hide' ? 'wide' : ''}`;
    if (!column.sort) return html`<th scope="col" class=${classes}>${column.hideLabel ? html`<span class="hidden">${column.label}</span>` : column.label}</th>`;
    return html`<th scope="col" class=${classes} aria-sort=${by ? (this.sort.desc ? 'descending' : 'ascending') : nothing}><button type="button" class="plain" @click=${() => this.#tell('sort', { by: column.sort, desc: by ? !this.sort.desc : false })}>${column.label}${by ? icon(this.sort.desc ? 'down' : 'up') : nothing}</button></th>`;
  }

  #row(row) {
    const key = this.key(row);
    const picked = this.selected?.has(key);
    return html`<tr data-row class=${picked ? 'picked' : ''} @click=${this.#click}>${this.selected ? html`<td class="pick"><input type="checkbox" aria-label="Select" .checked=${live(picked)} @change=${() => this.#pick(key)}></td>` : nothing}
      ${this.columns.map((column, place) => {
    const cell = column.cell(row);
    const main = column.main || (place === 0 && (column.href || column.open));
    const inner = column.href ? html`<a href=${column.href(row)} data-main=${main || nothing} data-keep=${column.keep || nothing} dir="auto">${cell}</a>`
      : column.open ? html`<button type="button" class="plain link" data-main dir="auto" @click=${() => column.open(row)}>${cell}</button>` : cell;
    return html`<td class="${column.end ? 'end' : ''} ${main ? 'main' : ''} ${column.small === 'hide' ? 'wide' : ''}" data-label=${column.hideLabel ? nothing : column.label} dir="auto">${inner}</td>`;
  })}</tr>`;
  }

  #foot() {
    if (!this.list) return nothing;
    const { next, moreError } = this.list;
    return html`<div class="foot"><span class="quiet">${count(this.rows.length)} shown</span>${next ? html`<button type="button" @click=${() => this.list.more()}>Show more</button>` : nothing}</div>${moreError ? problem(moreError, { retry: () => this.list.more() }) : nothing}`;
  }

  #click = (event) => {
    if (event.target.closest('a, button, input, select, label, summary, textarea') || getSelection().toString()) return;
    event.currentTarget.querySelector('[data-main]')?.click();
  };

  #pick(key) {
    const next = new Set(this.selected);
    if (!next.delete(key)) next.add(key);
    this.#tell('select', next);
  }

  #select(keys) { this.#tell('select', new Set(keys)); }

  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}
customElements.define('pm-table', Table);
