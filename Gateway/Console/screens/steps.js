// The steps of a campaign as they are edited: mails with variants, waits, conditions; moved by buttons or by drag; and the mail of a variant.
import { api, drafts, field, html, icon, menu, nothing, openDialog, problem, repeat, session, toast, words } from '../ui.js';
import { arrange, freeLetter, inUnits, landing, moved, unitSeconds } from './campaign.js';

const KINDS = { email: ['mailboxes', 'Mail'], wait: ['clock', 'Wait'], condition: ['segments', 'Condition'] };
const ASKED = [['opened', 'has opened a mail'], ['clicked', 'has clicked a link'], ['replied', 'has replied'], ['attribute', 'has a value']];
const OPERATORS = [['equals', 'is'], ['not_equals', 'is not'], ['contains', 'contains'], ['is_set', 'is set'], ['is_not_set', 'is not set']];
const FIELDS = ['company', 'first_name', 'last_name', 'email_domain', 'time_zone', 'tag'];

const nameOf = (step) => `Step ${step.number}: ${KINDS[step.kind]?.[1] ?? words(step.kind)}`;

const EDGE = 72;

/** Takes a step by its handle and follows the pointer, mouse or finger; a line shows where it lands. Escape, or losing the pointer, leaves all as it was. */
function grab(event, builder, from, drop) {
  const handle = event.currentTarget;
  // A finger on the words scrolls; on the grip it drags.
  if (event.button || !event.isPrimary || (event.pointerType === 'touch' && !event.target.closest('.grip'))) return;
  const list = handle.closest('ol');
  const over = new AbortController();
  let { clientY: y } = event;
  let scrolling = 0;
  const look = () => {
    const to = landing([...list.children].map((row) => row.getBoundingClientRect()).map(({ top, height }) => top + height / 2), from, y);
    if (builder.drag?.to === to) return;
    builder.drag = { from, to };
    builder.requestUpdate();
  };
  const scroll = () => {
    const by = y < EDGE ? -12 : y > innerHeight - EDGE ? 12 : 0;
    if (by) scrollBy(0, by);
    if (by) look();
    scrolling = by ? requestAnimationFrame(scroll) : 0;
  };
  const end = (isDropped) => {
    over.abort();
    cancelAnimationFrame(scrolling);
    const { to = from } = builder.drag ?? {};
    builder.drag = null;
    builder.requestUpdate();
    if (isDropped && to !== from) drop(to);
  };
  const hear = (target, name, run) => target.addEventListener(name, run, { signal: over.signal, capture: true });
  handle.setPointerCapture(event.pointerId);
  hear(handle, 'pointermove', (moved) => {
    if (!builder.drag && Math.abs(moved.clientY - event.clientY) < 4) return;
    y = moved.clientY;
    look();
    scrolling ||= requestAnimationFrame(scroll);
  });
  hear(handle, 'pointerup', () => end(true));
  // It is told to the document when the step itself is gone.
  hear(document, 'lostpointercapture', () => end(false));
  hear(document, 'keydown', (pressed) => { if (pressed.key === 'Escape') end(false); });
}

/** The list; `set` takes the steps as they are to be. */
export function stepList(builder, steps, set) {
  const store = (next) => set(arrange(next, builder.isDraft));
  const change = (at, changed) => set(steps.map((step, place) => (place === at ? { ...step, ...changed } : step)));
  // What is stored meanwhile numbers the steps anew: those of now are moved.
  const move = (from, to) => store(moved(builder.draft.steps, from, to));
  const mark = (at) => {
    const { from, to } = builder.drag ?? {};
    return at === from ? 'moving' : at === to ? (to < from ? 'above' : 'below') : '';
  };
  /** The focus goes with the step. */
  const follow = (to, label) => builder.updateComplete.then(() => builder.querySelectorAll(`.steps > li:nth-child(${to + 1}) [title^="Move"]:not(:disabled)`)).then((buttons) => ([...buttons].find((one) => one.title.endsWith(label)) ?? buttons[0])?.focus());
  if (!steps.length) return html`<p class="note">No step yet. Begin with a mail.</p>`;
  return html`<ol class="steps">${repeat(steps, (step) => step.number, (step, at) => {
    const shift = (by, label, arrow) => html`<button type="button" class="quiet small" aria-label="Move step ${step.number} ${label}" title="Move ${label}" ?disabled=${at + by < 0 || at + by >= steps.length} @click=${() => { move(at, at + by); follow(at + by, label); }}>${icon(arrow)}</button>`;
    return html`<li class="stack ${mark(at)}">
      <div class="row between"><span class="row handle" title="Drag to move" @pointerdown=${(event) => grab(event, builder, at, (to) => move(at, to))}><span class="grip">${icon('grip')}</span>${icon(KINDS[step.kind]?.[0])}<h3>${nameOf(step)}</h3></span>
      <span class="row">${shift(-1, 'up', 'up')}${shift(1, 'down', 'down')}<button type="button" class="quiet small" aria-label="Remove step ${step.number}" title="Remove" @click=${() => { store(steps.filter((one) => one !== step)); builder.querySelector('#steps').focus(); }}>${icon('trash')}</button></span></div>
      ${({ email: mailStep, wait: waitStep, condition: conditionStep })[step.kind]?.({ builder, steps, step, at, change: (changed) => change(at, changed) }) ?? nothing}</li>`;
  })}</ol>`;
}

/** Where it goes from here: the next step, a later one, or out. */
const way = ({ steps, step, at, change }, name, label) => field({
  name: `way-${step.number}-${name}`, label, type: 'select', value: step[name] ?? 'next',
  options: [['next', at + 1 < steps.length ? 'The next step' : 'The end'], ...steps.slice(at + 1).map((one) => [one.number, nameOf(one)]), ['exit', 'The end']].slice(0, at + 1 < steps.length ? undefined : 1),
  onInput: (value) => change({ [name]: Number(value) || value }),
});

const number = (step, name, label, value, set, rest) => field({ name: `${name}-${step.number}`, label, type: 'number', value, onInput: (text) => Number(text) > 0 && set(Number(text)), ...rest });

function mailStep(place) {
  const { builder, steps, step, at, change } = place;
  const { variants, test } = step;
  const templates = builder.things.data?.templates ?? [];
  const all = variants.reduce((sum, one) => sum + (one.weight ?? 1), 0);
  const many = variants.length > 1;
  const vary = (changed) => change({ variants: changed, ...(changed.length < 2 ? { test: undefined } : {}) });
  const add = () => vary([...variants, { ...variants.at(-1), name: freeLetter(variants), weight: 1 }]);
  return html`${variants.map((one, which) => {
    const template = templates.find((other) => other.id === one.template);
    return html`<div class="row wrap">${many ? html`<b>${one.name}</b>` : nothing}<div class="grow"><button type="button" class="plain link" dir="auto" @click=${() => builder.open(step.number, one.name)}>${template?.name ?? 'A template that is gone'}</button><p class="note" dir="auto">${template?.subject ?? nothing}</p></div>
      ${many ? html`<label class="row">Weight <input type="number" class="few" min="1" max="100" .value=${String(one.weight ?? 1)} @change=${(event) => vary(variants.map((other) => (other === one ? { ...one, weight: Math.min(100, Math.max(1, Math.round(Number(event.target.value)) || 1)) } : other)))}></label><span class="quiet">${Math.round(((one.weight ?? 1) / all) * 100)} %</span>
      <button type="button" class="quiet small" aria-label="Remove variant ${one.name} of step ${step.number}" @click=${() => vary(variants.filter((_, index) => index !== which))}>${icon('close')}</button>` : nothing}</div>`;
  })}
    <div class="actions">${variants.length < 5 ? html`<button type="button" class="small" @click=${add}>${icon('plus')}Variant ${freeLetter(variants)}</button>` : nothing}
    ${steps.slice(0, at).some((one) => one.kind === 'email') ? field({ name: `thread-${step.number}`, label: 'Begins a thread of its own', type: 'checkbox', value: step.starts_thread, onInput: (value) => change({ starts_thread: value || undefined }) }) : nothing}</div>
    ${many ? html`${field({ name: `test-${step.number}`, label: 'Find the better variant, then send it to the rest', type: 'switch', value: Boolean(test), onInput: (on) => change({ test: on ? { sample_share: 0.2, metric: 'replied', minimum_sample: 50, decide_after_hours: 48 } : undefined }) })}
    ${test ? html`<div class="fields">${number(step, 'share', 'Tried on, % of leads', Math.round(test.sample_share * 100), (value) => change({ test: { ...test, sample_share: Math.min(100, value) / 100 } }), { min: 1, max: 100 })}
      ${field({ name: `metric-${step.number}`, label: 'Better is', type: 'select', value: test.metric, options: [['replied', 'more replies'], ['clicked', 'more clicks'], ['opened', 'more opens']], onInput: (metric) => change({ test: { ...test, metric } }) })}
      ${number(step, 'sample', 'Mails each, at least', test.minimum_sample, (value) => change({ test: { ...test, minimum_sample: value } }), { min: 1 })}
      ${number(step, 'hours', 'Decided after, hours', test.decide_after_hours, (value) => change({ test: { ...test, decide_after_hours: value } }), { min: 1, max: 720 })}</div>` : nothing}` : nothing}
    ${typeof step.next === 'number' || step.next === 'exit' ? way(place, 'next', 'Then go to') : nothing}`;
}

function waitStep({ step, change }) {
  const [amount, unit] = inUnits(step.seconds);
  return html`<div class="fields">${number(step, 'amount', 'For', amount, (value) => change({ seconds: Math.round(value) * unitSeconds[unit] }), { min: 1, max: 365 })}
    ${field({ name: `unit-${step.number}`, label: 'Unit', type: 'select', value: unit, options: Object.keys(unitSeconds), onInput: (name) => change({ seconds: amount * unitSeconds[name] }) })}</div>`;
}

function conditionStep(place) {
  const { steps, step, at, change } = place;
  const { condition } = step;
  const mails = steps.slice(0, at).filter((one) => one.kind === 'email');
  const ask = (changed) => change({ condition: { ...condition, ...changed } });
  const kind = (value) => change({ condition: value === 'attribute' ? { kind: value, filter: { field: 'company', operator: 'is_set' } } : { kind: value } });
  const { filter } = condition;
  const set = (changed) => {
    const { value, ...rest } = { ...filter, ...changed };
    ask({ filter: rest.operator.startsWith('is_') ? rest : { ...rest, value: value ?? '' } });
  };
  return html`<div class="fields">${field({ name: `asks-${step.number}`, label: 'If the lead', type: 'select', value: condition.kind, options: ASKED, onInput: kind })}
    ${['opened', 'clicked'].includes(condition.kind) ? field({ name: `of-${step.number}`, label: 'Which mail', type: 'select', value: condition.step ?? '', options: [['', 'Any before'], ...mails.map((one) => [one.number, nameOf(one)])], onInput: (value) => change({ condition: { kind: condition.kind, ...(value ? { step: Number(value) } : {}) } }) }) : nothing}
    ${condition.kind === 'attribute' ? (filter.field ? html`${field({ name: `field-${step.number}`, label: 'Field', type: 'select', value: filter.field, options: [...new Set([...FIELDS, filter.field])].map((one) => [one, words(one)]), onInput: (value) => set({ field: value }) })}
      ${field({ name: `operator-${step.number}`, label: 'Is', type: 'select', value: filter.operator, options: OPERATORS.some(([one]) => one === filter.operator) ? OPERATORS : [...OPERATORS, filter.operator], onInput: (value) => set({ operator: value }) })}
      ${filter.operator.startsWith('is_') ? nothing : field({ name: `value-${step.number}`, label: 'Value', value: String(filter.value ?? ''), onInput: (value) => set({ value }) })}` : html`<p class="note">A filter of several conditions; it stays as it is.</p>`) : nothing}
    ${way(place, 'then', 'Then go to')}${way(place, 'otherwise', 'Otherwise go to')}</div>`;
}

// The mail of a variant: a template or words of one's own, seen as a real lead gets it, and sent as a test

/** Variables with what stands where the lead has nothing. */
const VARIABLES = [
  ['First name', '{{first_name|there}}'], ['Last name', '{{last_name|}}'], ['Company', '{{company|your company}}'], ['Your name', '{{sender.name}}'],
  ['Postal address', '{{postal_address}}'], ['Unsubscribe link', '{{unsubscribe_url}}'],
];

/** Opens it over the builder. */
export async function openMail(builder, number, name) {
  const workspace = builder.draft.workspace;
  const { leads, mailboxes, fields } = builder.things.data;
  const mailbox = builder.draft.mailboxes.find((id) => mailboxes.some((one) => one.id === id && one.state === 'active'));
  const find = () => builder.draft.steps.find((step) => step.number === number);
  const variant = () => find().variants.find((one) => one.name === name);
  const put = (changed) => builder.edit({ steps: builder.draft.steps.map((step) => (step.number === number ? { ...step, variants: step.variants.map((one) => (one.name === name ? { ...one, ...changed } : one)) } : step)) });
  const place = `mail:${builder.params.id}:${number}:${name}`;
  const mail = { lead: leads[0]?.id ?? '', to: session.user.email };
  let timer;
  let draw = () => {};
  let part = null;

  const load = async () => {
    mail.error = null;
    const { template, template_version: version } = variant();
    try {
      mail.template = await api.get(`/api/v1/templates/${template}`);
      mail.newest = mail.template.version;
      const said = version && version !== mail.newest ? await api.get(`/api/v1/templates/${template}/versions/${version}`) : mail.template;
      Object.assign(mail, { version: version ?? mail.newest, subject: said.subject, text: said.text ?? '', html: said.html ?? '', dirty: false });
      const kept = drafts.read(place);
      if (kept?.of === template) Object.assign(mail, kept, { dirty: true });
      preview();
    } catch (error) {
      mail.error = error;
    }
    draw();
  };
  const preview = async () => {
    clearTimeout(timer);
    const { subject, text, html: rich, lead } = mail;
    try {
      mail.seen = await api.post('/api/v1/templates/preview', { workspace, subject, text, html: rich, ...(lead ? { lead } : {}), ...(mailbox ? { mailbox } : {}) });
      mail.fault = null;
    } catch (error) {
      mail.fault = error;
    }
    draw();
  };
  const write = (changed) => {
    Object.assign(mail, changed, { dirty: true });
    drafts.write(place, { subject: mail.subject, text: mail.text, html: mail.html, of: mail.template.id });
    clearTimeout(timer);
    timer = setTimeout(preview, 400);
    draw();
  };
  const run = async (work) => {
    mail.busy = true;
    mail.error = null;
    draw();
    try {
      await work();
    } catch (error) {
      mail.error = error;
    }
    mail.busy = false;
    draw();
  };
  const content = () => ({ subject: mail.subject, text: mail.text, html: mail.html || null });
  const store = () => run(async () => {
    const answer = await api.put(`/api/v1/templates/${mail.template.id}`, content(), { ifMatch: mail.template });
    mail.template = answer;
    Object.assign(mail, { version: answer.version, newest: answer.version, dirty: false });
    builder.things.set({ ...builder.things.data, templates: builder.things.data.templates.map((one) => (one.id === answer.id ? answer : one)) });
    drafts.forget(place);
    put({ template_version: answer.version });
    toast('The mail is saved.');
  });
  const choose = (id) => run(async () => {
    const template = id || (await builder.write(`mail ${number}${name === 'A' ? '' : name}`, mail.dirty ? content() : undefined)).id;
    drafts.forget(place);
    put({ template, template_version: undefined });
    await load();
  });
  const test = (event) => {
    event.preventDefault();
    run(async () => {
      await api.post(`/api/v1/templates/${mail.template.id}/test`, { mailbox, to: mail.to, version: mail.version, ...(mail.lead ? { lead: mail.lead } : {}) });
      toast(`A test is on its way to ${mail.to}.`);
    });
  };
  const insert = (text) => {
    const input = part?.isConnected ? part : document.querySelector('[name=mail-text]');
    input.setRangeText(text, input.selectionStart, input.selectionEnd, 'end');
    input.dispatchEvent(new Event('input'));
    input.focus();
  };
  const area = (key, label, rest) => field({ name: `mail-${key}`, label, value: mail[key], onInput: (value) => write({ [key]: value }), ...rest });

  const body = ({ update }) => {
    draw = update;
    const templates = builder.things.data.templates;
    if (mail.subject === undefined) return mail.error ? problem(mail.error, { retry: load }) : html`<div class="await"></div>`;
    const { seen } = mail;
    return html`<div class="stack" @focusin=${(event) => { if (event.target.name?.startsWith('mail-')) part = event.target; }}>
      ${field({ name: 'mail-template', label: 'Content', type: 'select', value: variant().template, options: [['', 'New content of its own'], ...(templates.some((one) => one.id === variant().template) ? [] : [[variant().template, mail.template.name]]), ...templates.map((one) => [one.id, one.name])], onInput: choose })}
      ${mail.version < mail.newest ? html`<p class="note">Version ${mail.version} of ${mail.newest}. <button type="button" class="plain link" @click=${() => { put({ template_version: undefined }); load(); }}>Take the newest</button></p>` : nothing}
      ${area('subject', 'Subject', { maxlength: 500, required: true })}${area('text', 'Text', { type: 'textarea', rows: 9, hint: 'A variable has a fallback after the bar: {{first_name|there}}.' })}
      ${menu('Insert a variable', [...VARIABLES, ...fields.map((one) => [one.name, `{{custom.${one.key}|}}`])].map(([label, text]) => ({ label, run: () => insert(text) })), { text: 'Insert a variable', mark: 'down' })}
      <details ?open=${Boolean(mail.html)}><summary>HTML</summary>${area('html', 'HTML', { type: 'textarea', rows: 6, mono: true, hideLabel: true })}</details>
      ${mail.error ? problem(mail.error) : nothing}
      <div class="actions"><button type="button" class="primary" aria-disabled=${!mail.dirty || mail.busy} @click=${() => mail.dirty && !mail.busy && store()}>${mail.busy ? 'Working' : 'Save mail'}</button>${mail.dirty ? html`<button type="button" @click=${() => choose('')}>Save as a new template</button><span class="quiet">Saving makes a new version of the template.</span>` : nothing}</div>
      <hr><div class="row between wrap"><h3>As a lead gets it</h3>${leads.length ? field({ name: 'lead', label: 'Lead', hideLabel: true, type: 'select', value: mail.lead, options: leads.map((one) => [one.id, one.email]), onInput: (lead) => { mail.lead = lead; preview(); } }) : html`<span class="quiet">a made-up one</span>`}</div>
      ${mail.fault ? problem(mail.fault) : seen ? html`<div class="card stack"><p><b dir="auto">${seen.subject}</b></p>${seen.html ? html`<pm-preview .html=${seen.html} label="HTML of the mail"></pm-preview>` : nothing}<pre dir="auto" tabindex="0">${seen.text}</pre></div>
      ${seen.warnings.map((one) => html`<p class="hint warn">${icon('warn')}<span>${one.detail}</span></p>`)}` : nothing}
      ${mailbox ? html`<form class="row wrap" @submit=${test}>${field({ name: 'to', label: 'Test to', type: 'email', required: true, value: mail.to, onInput: (value) => { mail.to = value; } })}<button ?disabled=${mail.busy || mail.dirty}>Send test</button>${mail.dirty ? html`<span class="quiet">Save the mail first.</span>` : nothing}</form>` : html`<p class="note">A test needs an active e-mail account.</p>`}</div>`;
  };
  load();
  await openDialog({ title: `Mail of step ${number}${find().variants.length > 1 ? `, variant ${name}` : ''}`, body, kind: 'drawer' });
  clearTimeout(timer);
  if (mail.dirty) toast('The mail is not saved yet; what you typed is kept here.');
}
