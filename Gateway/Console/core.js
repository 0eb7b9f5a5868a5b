// What needs neither Lit nor a page: words for values, the URL's state, the API, live data, drafts. `node --test` runs it.

globalThis.litDisableBundleWarning = true;

// Words for values

const locale = 'en';
const numbers = new Intl.NumberFormat(locale);
const compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
// The day stands before the month, and hours count to 24, as in every text.
const here = 'en-GB';
const exactTimes = new Intl.DateTimeFormat(here, { dateStyle: 'medium', timeStyle: 'long' });
const clocks = new Intl.DateTimeFormat(here, { hour: '2-digit', minute: '2-digit', hour12: false });
const date = { day: 'numeric', month: 'short', year: 'numeric' };
const days = new Intl.DateTimeFormat(here, date);
const dates = new Intl.DateTimeFormat(here, { ...date, timeZone: 'UTC' });
const SPANS = [['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3_600], ['minute', 60]];

/** 12840 → "12,840"; nothing → "–". */
export const count = (value) => (value == null ? '–' : numbers.format(value));

/** 12840 → "12.8K". */
export const short = (value) => (value == null ? '–' : compact.format(value));

/** A share from 0 to 1 → "4.2 %"; of two numbers: percent(3, 70). */
export function percent(part, whole = 1) {
  if (part == null || !whole) return '–';
  const share = (part / whole) * 100;
  return `${share !== 0 && Math.abs(share) < 10 ? share.toFixed(1) : Math.round(share)} %`;
}

/** Minor units → "$49.00"; digits follow the currency (yen has none). */
export function money(minor, currency = 'usd') {
  if (minor == null) return '–';
  const format = new Intl.NumberFormat(locale, { style: 'currency', currency: currency.toUpperCase() });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** 2048 → "2 kB". */
export function bytes(value) {
  if (value == null) return '–';
  const units = ['B', 'kB', 'MB', 'GB'];
  let step = 0;
  for (; value >= 1000 && step < units.length - 1; step += 1) value /= 1000;
  return `${step && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}

/** "1 lead", "2 leads". */
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);

/** "3 minutes ago", "in 2 days"; under a minute "just now". */
export function ago(time, now = Date.now()) {
  const seconds = (new Date(time) - now) / 1000;
  if (Number.isNaN(seconds)) return '–';
  for (const [unit, size] of SPANS) {
    if (Math.abs(seconds) >= size) return relative.format(unit === 'day' ? Math.round((midnight(time) - midnight(now)) / 86_400_000) : Math.trunc(seconds / size), unit);
  }
  return seconds > 10 ? 'in a moment' : 'just now';
}

/** The whole truth about a time, with its zone, for a title. */
export const exact = (time) => exactTimes.format(new Date(time));

/** "10:42". */
export const clock = (time) => clocks.format(new Date(time));

/** "3 Mar 2026", here; a date without a time is that date everywhere. */
export const day = (time) => (/^\d{4}-\d\d-\d\d$/.test(time) ? dates : days).format(new Date(time));

/** Seconds → "2 h 5 min", "45 s". */
export function duration(seconds) {
  if (seconds == null) return '–';
  const parts = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]];
  const first = parts.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0 s';
  return parts.slice(first, first + 2).map(([unit, size], place) => {
    const amount = Math.floor((place ? seconds % parts[first][1] : seconds) / size);
    return amount ? `${amount} ${unit}` : '';
  }).filter(Boolean).join(' ');
}

/** "step_up_required" → "Step up required". */
export const words = (name = '') => (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll('_', ' ').replace(/^Email\b/, 'E-mail');

// The URL

/** Makes a matcher of "/dashboard/leads/:id"; it returns the parameters or null. */
export function pattern(path) {
  const names = [];
  const source = path.replace(/:(\w+)/g, (_, name) => { names.push(name); return '([^/]+)'; });
  const expression = new RegExp(`^${source}/?$`);
  return (pathname) => {
    const found = expression.exec(pathname);
    try {
      return found && Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(found[at + 1])]));
    } catch {
      return null;
    }
  };
}

/** The query as values typed like their defaults: readQuery('?page=2', { page: 1, tags: [], q: '', open: false }). */
export function readQuery(search, defaults) {
  const given = new URLSearchParams(search);
  const read = (name, initial) => {
    if (!given.has(name)) return initial;
    if (Array.isArray(initial)) return given.getAll(name);
    const text = given.get(name);
    if (typeof initial === 'boolean') return text === 'true';
    if (typeof initial === 'number') return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : initial;
    return text;
  };
  return Object.fromEntries(Object.entries(defaults).map(([name, initial]) => [name, read(name, initial)]));
}

/** The query of values, without what equals its default: "" or "?q=ada". */
export function writeQuery(values, defaults = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value == null || value === '' || String(value) === String(defaults[name] ?? '')) continue;
    for (const one of [value].flat()) query.append(name, one);
  }
  // A plus sign is a space only in forms: the API reads it as it stands.
  const text = query.toString().replaceAll('+', '%20');
  return text && `?${text}`;
}

/** Fills "/x/:slug" with encoded parameters. */
export const fill = (path, parameters) => path.replace(/:(\w+)/g, (_, name) => encodeURIComponent(parameters[name]));

/** Where to go after signing in: a path of this site, never another site. */
export function safeNext(next) {
  return typeof next === 'string' && /^\/(?![/\\])[^\\\s]*$/.test(next) && !next.startsWith('/login') ? next : '/dashboard';
}

// The API

/** Why the API refused, or could not be reached (`status` 0): `kind` is the problem's stable name, `fields` say what to mend where. */
export class ApiError extends Error {
  constructor(status, problem = {}, headers = null) {
    super(problem.title || (status ? 'The answer could not be read.' : 'The server cannot be reached.'));
    this.status = status;
    this.problem = problem;
    this.kind = (problem.type ?? '').split('/').pop() || (status ? 'unknown' : 'network');
    this.detail = problem.detail ?? (status ? '' : 'Check your connection. What you typed is still here.');
    this.requestId = problem.request_id ?? headers?.get('X-Request-ID') ?? null;
    this.retryAfter = Number(headers?.get('Retry-After')) || null;
    this.fields = problemFields(problem);
  }

  /** Whether the same request may succeed later: nobody answered, or "not now". */
  get isPassing() {
    return this.status === 0 || [502, 503, 504].includes(this.status);
  }
}

/** Problem details → { field: what is wrong with it }. */
export function problemFields(problem) {
  const fields = {};
  if (typeof problem.field === 'string') fields[problem.field] = problem.detail ?? problem.title;
  for (const one of Array.isArray(problem.errors) ? problem.errors : []) {
    if (one?.field) fields[one.field] = one.detail ?? one.message ?? one.title ?? problem.title;
  }
  return fields;
}

const wait = (milliseconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, milliseconds);
  signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
});

/** The public API as the console uses it. `fetcher` is replaced in tests. */
export class Api {
  #token = null;

  #etags = new WeakMap();

  constructor(fetcher = (...request) => globalThis.fetch(...request), delays = [300, 1200]) {
    this.fetcher = fetcher;
    this.delays = delays;
    /** Called when the session has ended. */
    this.onSignedOut = () => {};
  }

  /** Reads JSON: api.get('/api/v1/leads', { query: { q: 'ada' }, signal }). Asks again while the answer is "not now". */
  async get(path, { query, signal, headers } = {}) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#ask('GET', path + writeQuery(query ?? {}), { signal, headers });
      } catch (error) {
        if (!error.isPassing || attempt >= this.delays.length) throw error;
      }
      await wait(this.delays[attempt], signal);
    }
  }

  post(path, body = {}, options = {}) { return this.#change('POST', path, body, options); }

  put(path, body, options = {}) { return this.#change('PUT', path, body, options); }

  patch(path, body, options = {}) { return this.#change('PATCH', path, body, options); }

  delete(path, options = {}) { return this.#change('DELETE', path, options.body, options); }

  /** Sends a file as the body and tells how much is gone: upload(path, file, { query, onProgress: (share) => … }). */
  async upload(path, file, { query, type = 'text/csv; charset=utf-8', onProgress = () => {}, signal } = {}) {
    const token = await this.#csrf();
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('POST', path + writeQuery(query ?? {}));
      const headers = { Accept: 'application/json', 'Content-Type': type, 'X-CSRF-Token': token, 'Idempotency-Key': crypto.randomUUID() };
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
      request.onerror = () => reject(new ApiError(0));
      request.onabort = () => reject(new DOMException('Aborted', 'AbortError'));
      request.onload = () => {
        const content = parse(request.responseText);
        const get = (name) => request.getResponseHeader(name);
        if (request.status < 300) resolve(content);
        else reject(new ApiError(request.status, content ?? {}, { get }));
      };
      signal?.addEventListener('abort', () => request.abort(), { once: true });
      request.send(file);
    });
  }

  /** The ETag that came with an answer of `get`, for `ifMatch`. */
  etag(answer) { return this.#etags.get(answer) ?? null; }

  async #change(method, path, body, { query, key, ifMatch, signal, headers = {} } = {}) {
    const send = async () => this.#ask(method, path + writeQuery(query ?? {}), {
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: {
        'X-CSRF-Token': await this.#csrf(),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(method === 'POST' ? { 'Idempotency-Key': key ?? crypto.randomUUID() } : {}),
        ...(ifMatch ? { 'If-Match': typeof ifMatch === 'object' ? this.etag(ifMatch) ?? '*' : ifMatch } : {}),
        ...headers,
      },
    });
    try {
      return await send();
    } catch (error) {
      if (error.kind !== 'csrf_token') throw error;
      this.#token = null;
      return await send();
    } finally {
      // A change of the session changes the token with it.
      if (path.startsWith('/api/v1/auth/')) this.#token = null;
    }
  }

  async #csrf() {
    this.#token ??= this.get('/api/v1/auth/csrf').then((answer) => answer.csrf_token).catch((error) => {
      this.#token = null;
      throw error;
    });
    return this.#token;
  }

  async #ask(method, path, { body, headers = {}, signal } = {}) {
    let answer;
    let text;
    try {
      answer = await this.fetcher(path, { method, body, signal, headers: { Accept: 'application/json', ...headers }, credentials: 'same-origin' });
      text = await answer.text();
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ApiError(0);
    }
    const content = parse(text);
    if (answer.ok) {
      const etag = answer.headers.get('ETag');
      // The gateway marks the tag of what it compressed as weak.
      if (etag && content && typeof content === 'object') this.#etags.set(content, etag.replace(/^W\//, ''));
      return content;
    }
    const error = new ApiError(answer.status, content && typeof content === 'object' ? content : {}, answer.headers);
    if (error.kind === 'unauthenticated') this.onSignedOut();
    throw error;
  }
}

function parse(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export const api = new Api();

// Who is signed in

const RANKS = ['viewer', 'member', 'admin', 'owner'];

/** Whether a role of the company is at least another. */
export const atLeast = (role, needed) => !needed || RANKS.indexOf(role) >= RANKS.indexOf(needed);

/** Whether one of the staff's roles is among those; a super_admin may do all. */
export const isStaff = (roles, needed = []) => roles.length > 0 && (!needed.length || roles.some((one) => one === 'super_admin' || needed.includes(one)));

/** The one who is signed in: user, tenant, role, staff roles, workspaces. */
export class Session extends EventTarget {
  #workspaces = null;

  constructor(client = api) {
    super();
    this.api = client;
    this.clear();
  }

  clear() {
    Object.assign(this, { user: null, tenant: null, role: null, staff: [], expiresAt: null });
    this.#workspaces = null;
  }

  get isSignedIn() { return this.user !== null; }

  /** Asks the API who this is; false when nobody is signed in. */
  async load() {
    try {
      this.take(await this.api.get('/api/v1/auth/session'));
      return true;
    } catch (error) {
      if (error.status !== 401) throw error;
      this.clear();
      return false;
    }
  }

  /** Takes what sign-in and /auth/session answer. */
  take(answer) {
    this.#workspaces = null;
    Object.assign(this, {
      user: answer.user, tenant: answer.tenant, role: answer.role, staff: [answer.staff_role ?? []].flat(), expiresAt: answer.expires_at,
    });
    this.dispatchEvent(new Event('change'));
  }

  may(role) { return atLeast(this.role, role); }

  mayStaff(...roles) { return isStaff(this.staff, roles); }

  /** The company's workspaces that this person may see; asked once. */
  async workspaces({ again = false } = {}) {
    if (again) this.#workspaces = null;
    this.#workspaces ??= this.api.get('/api/v1/workspaces').then((answer) => answer.data).catch((error) => {
      this.#workspaces = null;
      throw error;
    });
    const list = await this.#workspaces;
    this.list = list;
    if (again) this.dispatchEvent(new Event('change'));
    return list;
  }

  /** The workspace of a slug, or null. */
  async workspace(slug) {
    return (await this.workspaces()).find((one) => one.slug === slug) ?? null;
  }

  async signOut() {
    await this.api.post('/api/v1/auth/sign-out');
    this.clear();
  }
}

export const session = new Session();

// Data that a screen shows

class Staleness extends EventTarget {
  #since = new Map();

  /** Notes that a resource shows data of that time, or (null) that it is good again. */
  set(resource, time) {
    if (time === null ? !this.#since.delete(resource) : this.#since.get(resource) === time) return;
    if (time !== null) this.#since.set(resource, time);
    this.dispatchEvent(new Event('change'));
  }

  /** The time of the oldest data on the page, or null. */
  get oldest() { return this.#since.size ? Math.min(...this.#since.values()) : null; }
}

/** Which resources show old data because the server cannot be reached; the shell's banner listens. */
export const staleness = new Staleness();

const hidden = () => globalThis.document?.hidden ?? false;

/**
 * One thing that a screen reads: its data, error, and whether it is slow or old. A controller of its Lit host.
 * new Resource(this, (signal) => api.get('/api/v1/leads', { signal }), { every: 5000 })
 */
export class Resource {
  data = undefined;

  error = null;

  loading = false;

  /** Loading for more than 200 ms: now a skeleton is due. */
  slow = false;

  loadedAt = null;

  #abort = null;

  #timer = null;

  #failures = 0;

  constructor(host, load, { every = 0, auto = true } = {}) {
    Object.assign(this, { host, read: load, every, auto });
    this.wake = () => { if (!hidden() && (this.every || this.isStale)) this.reload(); };
    host.addController?.(this);
  }

  hostConnected() {
    globalThis.document?.addEventListener('visibilitychange', this.wake);
    if (this.auto && this.data === undefined) this.reload();
  }

  hostDisconnected() {
    globalThis.document?.removeEventListener('visibilitychange', this.wake);
    this.#abort?.abort();
    clearTimeout(this.#timer);
    staleness.set(this, null);
  }

  /** Old data is shown because the last attempt failed. */
  get isStale() { return this.error !== null && this.data !== undefined; }

  /** Reads again; with `fresh` what is shown goes first, as after a change of the filter. */
  async reload({ fresh = false } = {}) {
    this.#abort?.abort();
    clearTimeout(this.#timer);
    const abort = new AbortController();
    this.#abort = abort;
    if (fresh) this.data = undefined;
    this.loading = true;
    const slow = setTimeout(() => { this.slow = true; this.host.requestUpdate(); }, 200);
    this.host.requestUpdate();
    try {
      const data = await this.read(abort.signal);
      if (abort.signal.aborted) return;
      this.data = data;
      this.#settle(null);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#settle(error);
    } finally {
      clearTimeout(slow);
    }
  }

  /** Replaces the data, as with the answer of a change. */
  set(data) {
    this.data = data;
    this.loadedAt = Date.now();
    this.host.requestUpdate();
  }

  #settle(error) {
    this.error = error;
    this.loading = false;
    this.slow = false;
    this.#failures = error ? this.#failures + 1 : 0;
    if (!error) this.loadedAt = Date.now();
    staleness.set(this, this.isStale ? this.loadedAt : null);
    const delay = this.isStale && error.isPassing ? Math.min(30_000, 2_000 * 2 ** this.#failures) : this.every;
    if (delay) this.#timer = setTimeout(() => { if (!hidden()) this.reload(); }, delay);
    this.host.requestUpdate();
  }
}

/** A list that is read page by page: `data` are all rows so far. new List(this, (cursor, signal) => api.get(…, { query: { cursor } })) */
export class List extends Resource {
  next = null;

  moreError = null;

  /** How many pages are shown; reading again reads as many. */
  pages = 1;

  constructor(host, load, options) {
    super(host, async (signal) => {
      const rows = [];
      let cursor;
      for (let read = 0; read < this.pages && cursor !== null; read += 1) {
        this.answer = await load(cursor, signal);
        rows.push(...this.answer.data);
        cursor = this.answer.page?.next ?? null;
      }
      this.next = cursor;
      return rows;
    }, options);
    this.page = load;
  }

  reload(options) {
    if (options?.fresh) this.pages = 1;
    return super.reload(options);
  }

  async more() {
    const before = this.data;
    try {
      const answer = await this.page(this.next);
      // The filter changed meanwhile: these rows belong to nobody.
      if (this.data !== before) return;
      this.next = answer.page?.next ?? null;
      this.pages += 1;
      this.moreError = null;
      this.set([...before, ...answer.data]);
    } catch (error) {
      this.moreError = error;
      this.host.requestUpdate();
    }
  }
}

/**
 * Server-sent events: reconnects, and rests while the tab is hidden. A controller of its host.
 * new Live(this, '/api/v1/inbox/live', { thread: (data) => … }, { onResume: () => this.list.reload() })
 */
export class Live {
  state = 'connecting';

  #source = null;

  #timer = null;

  #attempts = 0;

  paused = false;

  constructor(host, path, events, { onResume = () => {}, make = (url) => new EventSource(url) } = {}) {
    Object.assign(this, { host, path, events, onResume, make });
    this.look = () => this.#turn();
    host.addController?.(this);
  }

  hostConnected() {
    document.addEventListener('visibilitychange', this.look);
    this.#turn();
  }

  hostDisconnected() {
    document.removeEventListener('visibilitychange', this.look);
    this.#close();
    staleness.set(this, null);
  }

  /** Updates that move by themselves can be stopped. */
  setPaused(paused) {
    this.paused = paused;
    this.#turn();
  }

  #turn() {
    const path = typeof this.path === 'function' ? this.path() : this.path;
    const runs = path && !hidden() && !this.paused;
    if (runs && !this.#source) this.#open(path);
    if (!runs) {
      this.#close();
      this.#say(this.paused ? 'paused' : 'hidden');
    }
  }

  #open(path) {
    clearTimeout(this.#timer);
    const source = this.make(path);
    this.#source = source;
    source.onopen = () => {
      if (this.state !== 'connecting') this.onResume();
      this.#attempts = 0;
      this.lastAt = Date.now();
      staleness.set(this, null);
      this.#say('live');
    };
    source.onerror = () => {
      this.#close();
      this.#attempts += 1;
      // A stream ends by itself every few minutes: only the second failure in a row is news.
      if (this.#attempts > 1) {
        staleness.set(this, this.lastAt ?? Date.now());
        this.#say('lost');
      }
      this.#timer = setTimeout(this.look, Math.min(30_000, 1_000 * 2 ** this.#attempts));
    };
    for (const [name, take] of Object.entries(this.events)) {
      source.addEventListener(name, (event) => {
        this.lastAt = Date.now();
        take(parse(event.data), event);
      });
    }
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #say(state) {
    if (state === this.state) return;
    this.state = state;
    this.host.requestUpdate();
  }
}

// What somebody typed

/** Keeps what was typed in this tab until it is sent; never give it a password. */
export const drafts = {
  read(key) { return parse(globalThis.sessionStorage?.getItem(`draft:${key}`)) ?? null; },
  write(key, values) { globalThis.sessionStorage?.setItem(`draft:${key}`, JSON.stringify(values)); },
  forget(key) { globalThis.sessionStorage?.removeItem(`draft:${key}`); },
};

/** What this browser remembers: settings.get('keys', true). */
export const settings = {
  get(name, initial) { return parse(globalThis.localStorage?.getItem(`pm:${name}`)) ?? initial; },
  set(name, value) { globalThis.localStorage?.setItem(`pm:${name}`, JSON.stringify(value)); },
};
