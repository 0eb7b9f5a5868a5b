// The shell: finds the screen of an address, guards it, draws what stands around it, and hears the keyboard.
import { pattern, session, settings, safeNext, staleness, clock, fill, api } from './core.js';
import { empty, go, header, html, icon, menu, noPermission, nothing, problem, render, toastError } from './ui.js';

// Every page: path, module and export that draw it, title, and who may see it

const page = (path, module, name, title, rest = {}) => ({ path, module, name, title, ...rest });
const open = (path, name, title) => page(path, 'account', name, title, { open: true });
const ws = (path, ...rest) => page(`/dashboard/workspaces/:slug${path}`, ...rest);

const ROUTES = [
  open('/login', 'SignIn', 'Sign in'),
  open('/register', 'SignUp', 'Create an account'),
  open('/two-factor', 'SecondFactor', 'Two-step sign-in'),
  open('/forgot-password', 'ForgotPassword', 'Forgot your password'),
  open('/verify', 'CheckMail', 'Check your mail'),
  open('/invitation', 'Invitation', 'Invitation'),

  page('/dashboard', 'home', 'Home', 'Home'),
  page('/dashboard/inbox', 'inbox', 'Inbox', 'Inbox'),
  page('/dashboard/inbox/:id', 'inbox', 'Inbox', 'Inbox'),
  page('/dashboard/unclear', 'unclear', 'Unclear', 'Unclear mails'),
  page('/dashboard/leads', 'leads', 'Leads', 'Leads'),
  page('/dashboard/leads/import', 'import', 'NewImport', 'Import leads', { role: 'member' }),
  page('/dashboard/leads/imports', 'import', 'Imports', 'Imports'),
  page('/dashboard/leads/imports/:id', 'import', 'Import', 'Import'),
  page('/dashboard/leads/suppressions', 'suppressions', 'Suppressions', 'Suppressions'),
  page('/dashboard/leads/segments', 'segments', 'Segments', 'Lists and segments'),
  page('/dashboard/leads/segments/:id', 'segments', 'Segment', 'Segment'),
  page('/dashboard/leads/lists/:id', 'segments', 'List', 'List'),

  page('/dashboard/workspaces', 'settings', 'Workspaces', 'Workspaces'),
  ws('/campaigns', 'campaigns', 'Campaigns', 'Campaigns'),
  ws('/campaigns/:id', 'progress', 'Progress', 'Campaign'),
  ws('/campaigns/:id/edit', 'builder', 'Builder', 'Edit campaign', { role: 'member' }),
  ws('/templates', 'templates', 'Templates', 'Templates'),
  ws('/templates/:id', 'templates', 'Template', 'Template'),
  ws('/emails', 'mailboxes', 'Mailboxes', 'E-mail accounts'),
  ws('/emails/:id', 'mailboxes', 'Mailbox', 'E-mail account'),
  ws('/domains', 'domains', 'Domains', 'Domains'),
  ws('/domains/:id', 'domains', 'Domain', 'Domain'),
  ws('/settings', 'settings', 'WorkspaceSettings', 'Workspace settings', { role: 'admin' }),

  page('/dashboard/audit', 'audit', 'Trail', 'Audit trail', { role: 'admin' }),
  page('/dashboard/audit/settings', 'trail-settings', 'TrailSettings', 'Trail settings', { role: 'admin' }),
  page('/dashboard/audit/:id', 'audit', 'Entry', 'Audit entry', { role: 'admin' }),
  page('/dashboard/support', 'audit', 'SupportAccess', 'Support access', { role: 'admin' }),
  page('/dashboard/settings/profile', 'settings', 'Profile', 'Profile'),
  page('/dashboard/settings/security', 'settings', 'Security', 'Security'),
  page('/dashboard/settings/organization', 'settings', 'Organization', 'Organisation', { role: 'admin' }),
  page('/dashboard/settings/sending', 'sending', 'Sending', 'Sending'),
  page('/dashboard/settings/team', 'settings', 'Team', 'Team'),
  page('/dashboard/settings/developers', 'settings', 'Developers', 'API keys', { role: 'admin' }),
  page('/dashboard/settings/billing', 'billing', 'Billing', 'Billing', { role: 'admin' }),
  page('/dashboard/settings/billing/plans', 'billing', 'Plans', 'Change plan', { role: 'admin' }),
  page('/dashboard/settings/webhooks', 'settings', 'Webhooks', 'Webhooks', { role: 'admin' }),
  page('/dashboard/settings/webhooks/:id', 'settings', 'Webhook', 'Webhook', { role: 'admin' }),

  page('/dashboard/system/queues', 'platform', 'Queues', 'Queues', { staff: ['ops', 'support'] }),
  page('/dashboard/system/queues/:name', 'platform', 'Queue', 'Queue', { staff: ['ops', 'support'] }),
  page('/dashboard/system/queues/:name/jobs/:id', 'platform', 'Job', 'Job', { staff: ['ops', 'support'] }),
  page('/dashboard/tenants', 'platform', 'Tenants', 'Tenants', { staff: ['support', 'ops', 'finance'] }),
  page('/dashboard/tenants/:id', 'platform', 'Tenant', 'Tenant', { staff: ['support', 'ops', 'finance'] }),
  page('/dashboard/system/users', 'platform', 'Users', 'Users', { staff: ['support', 'ops'] }),
  page('/dashboard/system/users/:id', 'platform', 'User', 'User', { staff: ['support', 'ops'] }),
  page('/dashboard/users', 'platform-audit', 'PlatformTrail', 'Audit across tenants', { staff: ['support'] }),
  page('/dashboard/support/audit', 'platform-audit', 'SupportTrail', 'Support access to trails', { staff: ['support'] }),
  page('/dashboard/system/suppressions', 'suppressions', 'PlatformSuppressions', 'Suppressions of all', { staff: ['ops', 'support'] }),
  page('/dashboard/system/reputation', 'suppressions', 'Reputation', 'Reputation', { staff: ['ops', 'support'] }),
  page('/dashboard/system/trail', 'trail-settings', 'Intake', 'Trail intake', { staff: ['ops'] }),
  page('/dashboard/finance', 'platform', 'Finance', 'Plans and webhooks', { staff: ['finance'] }),
  page('/dashboard/system/status', 'platform', 'Status', 'Incidents and maintenance', { staff: ['ops', 'support'] }),
];

/** Addresses that only lead on. */
const REDIRECTS = {
  '/': '/dashboard',
  '/dashboard/settings': '/dashboard/settings/profile',
  '/dashboard/system': '/dashboard/system/queues',
  '/dashboard/leads/lists': '/dashboard/leads/segments',
};

/** The sidebar: groups of [icon, label, path, letter after `g`]; `:slug` is the workspace that is open. */
const NAVIGATION = [
  { items: [['home', 'Home', '/dashboard', 'h'], ['inbox', 'Inbox', '/dashboard/inbox', 'i'], ['leads', 'Leads', '/dashboard/leads', 'l'], ['segments', 'Lists and segments', '/dashboard/leads/segments', 's'], ['stop', 'Suppressions', '/dashboard/leads/suppressions', 'v']] },
  {
    workspace: true,
    items: [['campaigns', 'Campaigns', '/dashboard/workspaces/:slug/campaigns', 'c'], ['templates', 'Templates', '/dashboard/workspaces/:slug/templates', 't'],
      ['mailboxes', 'E-mail accounts', '/dashboard/workspaces/:slug/emails', 'e'], ['domains', 'Domains', '/dashboard/workspaces/:slug/domains', 'd']],
  },
  {
    label: 'Company',
    items: [['audit', 'Audit trail', '/dashboard/audit', 'a'], ['support', 'Support access', '/dashboard/support'], ['warn', 'Unclear mails', '/dashboard/unclear'], ['billing', 'Billing', '/dashboard/settings/billing', 'b'], ['settings', 'Settings', '/dashboard/settings/profile', 'p']],
  },
  {
    label: 'Platform',
    items: [['queue', 'Queues', '/dashboard/system/queues', 'q'], ['tenants', 'Tenants', '/dashboard/tenants', 'n'], ['leads', 'Users', '/dashboard/system/users', 'u'], ['audit', 'Audit across tenants', '/dashboard/users', 'x'],
      ['support', 'Support access to trails', '/dashboard/support/audit'], ['inbox', 'Trail intake', '/dashboard/system/trail'], ['stop', 'Suppressions of all', '/dashboard/system/suppressions'], ['domains', 'Reputation', '/dashboard/system/reputation'], ['finance', 'Plans and webhooks', '/dashboard/finance', 'f'], ['status', 'Incidents and maintenance', '/dashboard/system/status', 'm']],
  },
];

// Arriving

const routes = ROUTES.map((route) => ({ ...route, match: pattern(route.path) }));
const places = new Map();
let current = { route: null, screen: null, name: null };
let turn = 0;
let entry = 0;
let focusDue = false;

/** The route of a path with its parameters, or null. */
function find(pathname) {
  for (const route of routes) {
    const params = route.match(pathname);
    if (params) return { ...route, params };
  }
  return null;
}

const may = (route) => (route.staff ? session.mayStaff(...route.staff) : session.may(route.role));

/** Draws the page of the address. */
async function arrive({ keep = false, back = false } = {}) {
  turn += 1;
  const mine = turn;
  const { pathname, search } = location;
  if (REDIRECTS[pathname]) return go(REDIRECTS[pathname] + search, { replace: true });
  const route = find(pathname);
  const known = settings.get('signed-in', false);
  if (!session.isSignedIn && (!route?.open || known)) {
    try {
      await session.load();
    } catch (error) {
      return draw({ screen: html`${header({ title: 'PenguinMails' })}${problem(error, { retry: () => arrive() })}`, name: 'error' });
    }
    if (mine !== turn) return undefined;
    settings.set('signed-in', session.isSignedIn);
  }
  if (!session.isSignedIn && !route?.open) return go(`/login?next=${encodeURIComponent(pathname + search)}`, { replace: true });
  if (session.isSignedIn && ['/login', '/register', '/two-factor'].includes(pathname)) {
    return go(safeNext(new URLSearchParams(search).get('next')), { replace: true });
  }
  if (!keep) focusDue = current.name !== null;
  if (!route) return draw({ screen: notFound(), name: 'none' });
  if (!may(route)) return draw({ route, screen: html`${header({ title: route.title })}${noPermission()}`, name: 'refused' });
  if (route.params.slug) settings.set('workspace', route.params.slug);
  const name = `pm-${route.module}-${route.name}`.toLowerCase();
  if (!customElements.get(name)) {
    if (!keep) draw({ route, screen: html`<div data-wait>${header({ title: route.title })}</div>`, name: 'wait' });
    // The heading is there before more is asked for.
    await null;
    try {
      const module = await import(`./screens/${route.module}.js`);
      if (!customElements.get(name)) customElements.define(name, module[route.name]);
    } catch (error) {
      console.warn(error);
      if (mine === turn) draw({ route, screen: broken(route), name: 'broken' });
      return undefined;
    }
  }
  if (mine !== turn) return undefined;
  const screen = current.name === name && current.screen instanceof HTMLElement ? current.screen : document.createElement(name);
  screen.route = { ...route, pathname, search };
  draw({ route, screen, name });
  if (back) restore(history.state?.at ?? 0);
  else if (!keep) scrollTo(0, 0);
  return undefined;
}

const notFound = () => html`${header({ title: 'There is no such page' })}${empty({ title: 'Nothing is at this address', text: 'It may have been moved or removed.', mark: 'search', actions: html`<a class="button" href="/dashboard">Go to Home</a>` })}`;
const broken = (route) => html`${header({ title: route.title })}${empty({ title: 'This page could not be loaded', text: 'It is not there yet, or the connection was lost.', mark: 'warn', actions: html`<button type="button" @click=${() => arrive()}>Try again</button>` })}`;

/** Puts the page back where it was, as soon as it is long enough. */
function restore(at, tries = 20) {
  const top = places.get(at) ?? 0;
  scrollTo(0, top);
  if (Math.abs(scrollY - top) > 1 && tries > 0) setTimeout(restore, 50, at, tries - 1);
}

// What stands around a screen

const logo = html`<svg class="logo" viewBox="0 0 32 32" aria-hidden="true"><rect class="accent" width="32" height="32" rx="8"></rect><path class="coat" d="M9 14c0-5 3-8 7-8s7 3 7 8v8c0 3-3 5-7 5s-7-2-7-5z"></path><path class="shirt" d="M12 17c0-3 2-4 4-4s4 1 4 4v5c0 2-2 3-4 3s-4-1-4-3z"></path></svg>`;

const slug = () => {
  const list = session.list ?? [];
  const wanted = current.route?.params?.slug ?? settings.get('workspace', null);
  return list.find((one) => one.slug === wanted)?.slug ?? list[0]?.slug ?? null;
};

/** The groups of the sidebar that this person may use, with their addresses. */
export function navigation() {
  const workspace = slug();
  return NAVIGATION.filter((group) => !group.workspace || workspace).map((group) => ({
    ...group,
    items: group.items.map(([mark, label, path, letter]) => ({ mark, label, letter, href: fill(path, { slug: workspace ?? '' }) })).filter((item) => {
      const route = find(item.href);
      return route && may(route);
    }),
  })).filter((group) => group.items.length);
}

function isCurrent(href) {
  const { pathname } = location;
  if (pathname === href) return true;
  if (href === '/dashboard/settings/profile') return pathname.startsWith('/dashboard/settings/') && !/\/(billing)/.test(pathname);
  if (href === '/dashboard/leads') return /^\/dashboard\/leads\/import/.test(pathname);
  return href !== '/dashboard' && href !== '/dashboard/support' && pathname.startsWith(`${href}/`);
}

const switcher = () => {
  const list = session.list ?? [];
  const open = list.find((one) => one.slug === slug());
  return menu('Switch workspace', [
    ...list.map((one) => ({ label: one.name, href: `/dashboard/workspaces/${one.slug}/campaigns` })),
    { label: 'All workspaces', href: '/dashboard/workspaces' },
    session.may('admin') && { label: 'New workspace', href: '/dashboard/workspaces?new=true' },
  ], { text: html`<span class="name" dir="auto">${open?.name ?? 'No workspace yet'}</span>`, mark: 'down' });
};

const sidebar = () => html`<div class="side" id="side"><nav aria-label="Main"><div class="row brandrow"><a class="brand" href="/dashboard">${logo}PenguinMails</a>
  <button type="button" class="quiet narrow" aria-label="Close navigation" @click=${toggleSide}>${icon('close')}</button></div>
  ${navigation().map((group) => html`<section>${group.workspace ? switcher() : group.label ? html`<p class="group">${group.label}</p>` : nothing}
    <ul>${group.items.map((item) => html`<li><a href=${item.href} aria-current=${isCurrent(item.href) ? 'page' : nothing} title=${item.letter && settings.get('keys', true) ? `g ${item.letter}` : nothing}>${icon(item.mark)}${item.label}</a></li>`)}</ul></section>`)}
  ${slug() ? nothing : html`<section>${switcher()}</section>`}</nav></div>`;

const topbar = () => html`<header class="top"><button type="button" class="quiet narrow" aria-label="Open navigation" aria-controls="side" aria-expanded=${document.body.classList.contains('nav')} @click=${toggleSide}>${icon('menu')}</button>
  <span class="company" dir="auto" title=${session.tenant.name}>${session.tenant.name}</span>
  <button type="button" class="palette" aria-label="Search or go to" aria-haspopup="dialog" aria-keyshortcuts="Control+K Meta+K" @click=${() => palette('commands')}>${icon('search')}<span>Search or go to</span><kbd>${/Mac|iP/.test(navigator.platform) ? '⌘' : 'Ctrl '}K</kbd></button>
  ${menu('Account', [
    { label: 'Profile', href: '/dashboard/settings/profile' },
    { label: 'Switch company', run: () => palette('companies') },
    { label: 'Keyboard', run: () => palette('keys') },
    { label: `Theme: ${theme()}`, run: turnTheme },
    { label: 'System status', href: '/status' },
    { label: 'Sign out', run: signOut },
  ], { text: html`<span class="name" dir="auto">${session.user.name}</span>`, mark: 'down' })}</header>`;

const banners = () => html`<div class="banners" role="status">${staleness.oldest ? html`<p class="banner warn">${icon('warn')}Connection lost, showing ${clock(staleness.oldest)}. Trying again by itself; what you type stays here.</p>` : nothing}
  ${session.isSignedIn && session.user.verified === false ? html`<p class="banner">${icon('info')}<span>Confirm your address to launch campaigns and invite people.</span> <a href="/verify">Enter the code</a></p>` : nothing}</div>`;

/** Draws the page anew; without arguments as it is. */
function draw(next = current) {
  if (next.screen !== current.screen) document.body.classList.remove('nav');
  current = next;
  const inside = session.isSignedIn && !current.route?.open;
  document.body.classList.toggle('inside', inside);
  render(html`<a class="skip" href="#main" @click=${skip}>Skip to content</a>${inside ? sidebar() : nothing}
    <div class="body">${inside ? topbar() : html`<header class="top"><a class="brand" href="/">${logo}PenguinMails</a></header>`}${inside ? banners() : nothing}
    <main id="main" tabindex="-1">${current.screen}</main></div>`, document.getElementById('app'));
  settle();
}

function skip(event) {
  event.preventDefault();
  document.getElementById('main').focus();
}

/** The h1 names the page, and is where a new page begins. */
function settle() {
  const title = document.querySelector('main h1');
  if (!title) return;
  document.title = `${title.textContent.trim()} – PenguinMails`;
  if (!focusDue || title.closest('[data-wait]')) return;
  focusDue = false;
  title.focus({ preventScroll: true });
}

function toggleSide() {
  const open = document.body.classList.toggle('nav');
  draw();
  document.querySelector(open ? '.side .brandrow button' : '.top .narrow')?.focus();
}

async function signOut() {
  try {
    await session.signOut();
  } catch (error) {
    toastError(error);
    return;
  }
  settings.set('signed-in', false);
  sessionStorage.clear();
  go('/login');
}

// Light and dark

const theme = () => settings.get('theme', 'system');

export function turnTheme() {
  const order = ['system', 'light', 'dark'];
  settings.set('theme', order[(order.indexOf(theme()) + 1) % order.length]);
  applyTheme();
  draw();
}

function applyTheme() {
  if (theme() === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme();
}

// The keyboard

/** Opens the palette: commands, keys or companies. It is loaded when it is first asked for. */
async function palette(what) {
  const { openPalette } = await import('./palette.js');
  openPalette(what, { navigation: navigation(), screen: current.screen, turnTheme, signOut });
}

const typing = (target) => target.closest?.('input:not([type=checkbox]), textarea, select, [contenteditable]');
let afterG = -Infinity;

function step(by) {
  const rows = [...document.querySelectorAll('main [data-row]')];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))];
  const target = row?.querySelector('[data-main]') ?? row?.querySelector('a, button, input');
  target?.focus();
  row?.scrollIntoView({ block: 'nearest' });
}

function onKey(event) {
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    if (session.isSignedIn && !document.querySelector('dialog[open]')) palette('commands');
    return;
  }
  if (event.key === 'Escape' && document.body.classList.contains('nav')) toggleSide();
  if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || typing(event.target) || document.querySelector('dialog[open]') || !session.isSignedIn || !settings.get('keys', true)) return;
  const key = event.key;
  const soon = event.timeStamp - afterG < 1_000;
  afterG = key === 'g' ? event.timeStamp : -Infinity;
  const item = soon && navigation().flatMap((group) => group.items).find((one) => one.letter === key);
  const own = current.screen?.keys?.[key];
  const actions = {
    '?': () => palette('keys'),
    '/': () => document.querySelector('main [data-search]')?.focus(),
    j: () => step(1),
    k: () => step(-1),
    x: () => document.activeElement.closest('[data-row]')?.querySelector('.pick input')?.click(),
  };
  const run = item ? () => go(item.href) : soon && key === 'w' ? () => go('/dashboard/workspaces') : own?.run ?? actions[key];
  if (!run) return;
  event.preventDefault();
  run();
}

function onClick(event) {
  const link = event.target.closest?.('a[href]');
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target || link.hasAttribute('download')) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || !(find(url.pathname) || REDIRECTS[url.pathname])) return;
  event.preventDefault();
  go(url.pathname + url.search, { keep: 'keep' in link.dataset });
}

// Start

history.scrollRestoration = 'manual';
addEventListener('pm-go', ({ detail }) => {
  if (!detail.keep) entry += 1;
  history.replaceState({ ...history.state, at: entry }, '');
  arrive(detail);
});
addEventListener('popstate', () => arrive({ back: true, keep: find(location.pathname)?.name === current.route?.name }));
addEventListener('scroll', () => places.set(history.state?.at ?? 0, scrollY), { passive: true });
addEventListener('keydown', onKey);
document.addEventListener('click', onClick);
staleness.addEventListener('change', () => draw());
// The page comes first.
session.addEventListener('change', () => { if (session.isSignedIn) setTimeout(loadWorkspaces); });
api.onSignedOut = () => {
  if (!session.isSignedIn) return;
  session.clear();
  settings.set('signed-in', false);
  go(`/login?ended=true&next=${encodeURIComponent(location.pathname + location.search)}`);
};
new MutationObserver(settle).observe(document.getElementById('app'), { childList: true, subtree: true, characterData: true });

async function loadWorkspaces() {
  try {
    await session.workspaces();
    draw();
  } catch {
    // The switcher stays as it is; the screens say what is wrong.
  }
}

applyTheme();
arrive();
