// The trail's searches and proofs, without a page: terms, days, and what the browser recomputes by itself (RFC 6962, signed notes). `node --test` runs it.

/** The terms of a search: 'action:list.* "two words" -x' → three texts. */
export const terms = (q) => q.match(/(?:"(?:\\.|[^"\\])*"?|[^\s"])+/g) ?? [];

/** Whether a term names a field, so that it is shown as a chip. */
export const isField = (term) => /^-?[a-z][\w.-]*:./.test(term);

/** The search with one more term, each once; and without one. */
export const withTerm = (q, term) => [...new Set([...terms(q), term])].join(' ');
export const without = (q, term) => terms(q).filter((one) => one !== term).join(' ');

/** A value as it stands in a search, in quotation marks where it needs them. */
export const quoted = (value) => (/[\s",*\\]|^-/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : value);

/** From when on is looked: midnight (UTC) so many days ago, or the day that was named; nothing when the search names its time itself. */
export function range({ q, days, from, to }, now = Date.now()) {
  if (terms(q).some((term) => term.startsWith('occurred:'))) return {};
  const midnight = (time) => new Date(Math.floor(time / 86_400_000) * 86_400_000).toISOString();
  if (!from && !to) return { from: midnight(now - days * 86_400_000) };
  return { from: from ? midnight(Date.parse(from)) : undefined, to: to ? midnight(Date.parse(to) + 86_400_000) : undefined };
}

/** The day (UTC) of an instant: "2026-03-01". */
export const dateOf = (time) => new Date(time).toISOString().slice(0, 10);

/** Every day of a span with how many entries it has, also days without any: { labels, values }. */
export function histogram(counted, from, to = Date.now()) {
  const found = new Map(counted.map((one) => [one.value, one.count]));
  const first = from ? Date.parse(from) : Math.min(to, ...counted.map((one) => Date.parse(one.value)));
  const labels = [];
  for (let at = first; at <= to && labels.length < 401; at += 86_400_000) labels.push(dateOf(at));
  return { labels, values: labels.map((label) => found.get(label) ?? 0) };
}

const encoder = new TextEncoder();
const fromBase64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const toBase64 = (data) => btoa(String.fromCharCode(...data));
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (one) => parseInt(one, 16));
const toHex = (data) => [...data].map((one) => one.toString(16).padStart(2, '0')).join('');
const half = (number) => Math.floor(number / 2);
const odd = (number) => number % 2 === 1;

async function hash(...parts) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer()));
}
const mark = (number) => new Uint8Array([number]);
const node = (left, right) => hash(mark(1), left, right);

/** The hash of an entry's text, base64. */
export const leafHash = async (leaf) => toBase64(await hash(mark(0), encoder.encode(leaf)));

/** The root that a path of hashes leads to from a leaf (RFC 9162, 2.1.3.2), base64; null when the path does not fit the size. */
export async function rootOf(leaf, index, size, hashes) {
  let [at, last, root] = [index, size - 1, fromBase64(leaf)];
  if (index >= size) return null;
  for (const one of hashes.map(fromBase64)) {
    if (last === 0) return null;
    if (odd(at) || at === last) {
      root = await node(one, root);
      while (!odd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else root = await node(root, one);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 ? toBase64(root) : null;
}

/** Whether a tree is the beginning of a larger one (RFC 9162, 2.1.4.2). */
export async function isBeginning(first, second, hashes) {
  if (first.size === second.size) return first.root === second.root;
  const path = [...(Number.isInteger(Math.log2(first.size)) ? [first.root] : []), ...hashes].map(fromBase64);
  if (!path.length || first.size > second.size) return false;
  let [at, last] = [first.size - 1, second.size - 1];
  while (odd(at)) [at, last] = [half(at), half(last)];
  let [before, after] = [path[0], path[0]];
  for (const one of path.slice(1)) {
    if (last === 0) return false;
    if (odd(at) || at === last) {
      [before, after] = [await node(one, before), await node(one, after)];
      while (!odd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else after = await node(after, one);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && toBase64(before) === first.root && toBase64(after) === second.root;
}

/** Whether one of the keys signed the note and it says this size and root: true, false, or null where the browser knows no Ed25519. */
export async function isSigned({ note, size, root }, keys) {
  const end = note.indexOf('\n\n') + 1;
  const said = note.slice(0, end).split('\n');
  if (said[1] !== String(size) || said[2] !== root) return false;
  const known = keys.map((key) => /^(.+?)\+([0-9a-f]{8})\+(.+)$/.exec(key)).filter(Boolean);
  for (const line of note.slice(end + 1).split('\n').filter(Boolean)) {
    const [, name, text] = line.split(' ');
    const signature = fromBase64(text);
    for (const [, owner, id, key] of known.filter((one) => one[1] === name && one[2] === toHex(signature.slice(0, 4)))) {
      try {
        const opened = await crypto.subtle.importKey('raw', fromBase64(key).slice(1), 'Ed25519', false, ['verify']);
        if (owner && id && await crypto.subtle.verify('Ed25519', opened, signature.slice(4), encoder.encode(note.slice(0, end)))) return true;
      } catch (error) {
        if (error.name === 'NotSupportedError') return null;
        throw error;
      }
    }
  }
  return false;
}

/** What the erasable fields that are still there say of themselves: the names of those that are not what was written. */
export async function altered({ leaf, disclosures = {} }) {
  const { sd = {} } = JSON.parse(leaf);
  const checked = await Promise.all(Object.entries(disclosures).map(async ([name, { salt, value }]) => [name, toHex(await hash(fromHex(salt), encoder.encode(value))) === sd[name]]));
  return checked.filter(([, good]) => !good).map(([name]) => name);
}
