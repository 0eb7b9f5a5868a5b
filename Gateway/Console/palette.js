// The command palette, the list of keys, the choice of company. Loaded when first asked for.
import { api, go, html, icon, nothing, openDialog, problem, session, settings } from './ui.js';

/** Commands that hold every word of what was typed, those that begin with it first. Pure. */
export function matching(commands, text) {
  const wanted = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const rank = (command) => (command.label.toLowerCase().startsWith(wanted[0] ?? '') ? 0 : 1);
  return commands
    .filter((command) => wanted.every((word) => `${command.label} ${command.group ?? ''}`.toLowerCase().includes(word)))
    .map((command, place) => ({ command, place }))
    .sort((a, b) => rank(a.command) - rank(b.command) || a.place - b.place)
    .map(({ command }) => command);
}

const KEYS = [
  ['Ctrl K or ⌘ K', 'Search or go to'], ['?', 'This list'], ['/', 'Search in this page'], ['j and k', 'Next and previous row'], ['Enter', 'Open the row'], ['x', 'Select the row'], ['Esc', 'Close'],
];

export async function openPalette(what, shell) {
  if (what === 'keys') return keys(shell);
  if (what === 'companies') return companies();
  const workspaces = session.list ?? [];
  return choose('Search or go to', [
    ...Object.values(shell.screen?.keys ?? {}).map((one) => ({ label: one.label, group: 'This page', run: one.run })),
    ...shell.navigation.flatMap((group) => group.items.map((item) => ({ label: item.label, mark: item.mark, group: group.label ?? 'Go to', letter: item.letter && `g ${item.letter}`, run: () => go(item.href) }))),
    ...workspaces.map((one) => ({ label: one.name, mark: 'tenants', group: 'Workspace', run: () => go(`/dashboard/workspaces/${one.slug}/campaigns`) })),
    session.may('member') && { label: 'Import leads', mark: 'upload', group: 'Action', run: () => go('/dashboard/leads/import') },
    { label: 'Profile', mark: 'settings', group: 'Settings', run: () => go('/dashboard/settings/profile') },
    { label: 'Security', mark: 'settings', group: 'Settings', run: () => go('/dashboard/settings/security') },
    { label: 'Team', mark: 'leads', group: 'Settings', run: () => go('/dashboard/settings/team') },
    { label: 'Sending', mark: 'settings', group: 'Settings', run: () => go('/dashboard/settings/sending') },
    { label: 'Workspaces', mark: 'tenants', group: 'Settings', letter: 'g w', run: () => go('/dashboard/workspaces') },
    session.may('admin') && { label: 'API keys', mark: 'settings', group: 'Settings', run: () => go('/dashboard/settings/developers') },
    session.may('admin') && { label: 'Webhooks', mark: 'webhooks', group: 'Settings', run: () => go('/dashboard/settings/webhooks') },
    session.may('admin') && { label: 'Trail settings', mark: 'audit', group: 'Settings', run: () => go('/dashboard/audit/settings') },
    { label: 'Switch company', mark: 'tenants', group: 'Action', run: companies },
    { label: 'Turn light or dark', mark: 'sun', group: 'Action', run: shell.turnTheme },
    { label: 'Keyboard', mark: 'info', group: 'Help', letter: '?', run: () => keys(shell) },
    { label: 'System status', mark: 'status', group: 'Help', run: () => location.assign('/status') },
    { label: 'Sign out', mark: 'out', group: 'Action', run: shell.signOut },
  ].filter(Boolean));
}

/** A combobox over a list: arrows move, Enter runs. */
async function choose(title, commands) {
  let text = '';
  let at = 0;
  const chosen = await openDialog({
    title,
    kind: 'modal palette',
    body: ({ close, update }) => {
      const found = matching(commands, text);
      const move = (by) => {
        at = found.length ? (at + by + found.length) % found.length : 0;
        update();
        document.getElementById(`command-${at}`)?.scrollIntoView({ block: 'nearest' });
      };
      const onKey = (event) => {
        const actions = { ArrowDown: () => move(1), ArrowUp: () => move(-1), Enter: () => found[at] && close(found[at]) };
        if (!actions[event.key]) return;
        event.preventDefault();
        actions[event.key]();
      };
      return html`<input type="search" autofocus role="combobox" aria-expanded="true" aria-controls="commands" aria-autocomplete="list" aria-activedescendant=${found.length ? `command-${at}` : nothing} aria-label=${title} placeholder=${title} autocomplete="off"
          @input=${(event) => { text = event.target.value; at = 0; update(); }} @keydown=${onKey}>
        <ul role="listbox" id="commands" aria-label="Commands">${found.map((command, place) => html`<li role="option" id="command-${place}" aria-selected=${place === at} @click=${() => close(command)}>${icon(command.mark ?? 'right')}<span dir="auto">${command.label}</span><span class="quiet">${command.group}</span>${command.letter ? html`<kbd>${command.letter}</kbd>` : nothing}</li>`)}</ul>
        ${found.length ? nothing : html`<p class="note" role="status">Nothing has this name.</p>`}`;
    },
  });
  // The dialog gives the focus back before the command takes it.
  if (chosen) setTimeout(chosen.run);
}

function keys(shell) {
  const rows = [...KEYS, ...Object.entries(shell.screen?.keys ?? {}).map(([key, one]) => [key, one.label]),
    ...shell.navigation.flatMap((group) => group.items.filter((item) => item.letter).map((item) => [`g ${item.letter}`, item.label])), ['g w', 'Workspaces']];
  return openDialog({
    title: 'Keyboard',
    body: ({ update }) => html`<div class="field check"><label><input type="checkbox" role="switch" .checked=${settings.get('keys', true)} @change=${(event) => { settings.set('keys', event.target.checked); update(); }}><span>Single keys do something</span></label></div>
      <dl class="keys">${rows.map(([key, label]) => html`<div><dt>${label}</dt><dd><kbd>${key}</kbd></dd></div>`)}</dl>`,
  });
}

async function companies() {
  let list;
  try {
    list = (await api.get('/api/v1/auth/tenants')).data;
  } catch (error) {
    return openDialog({ title: 'Switch company', body: () => problem(error) });
  }
  return choose('Switch company', list.map((one) => ({
    label: one.name,
    mark: 'tenants',
    group: one.id === session.tenant.id ? 'open now' : one.role,
    run: async () => {
      await api.post('/api/v1/auth/switch-tenant', { tenant: one.id });
      settings.set('workspace', null);
      location.assign('/dashboard');
    },
  })));
}
