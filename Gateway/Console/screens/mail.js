// The mail of a step's variant: a template or words of one's own, seen as a real lead gets it, and sent as a test.
import { api, drafts, field, html, icon, menu, nothing, openDialog, problem, session, toast } from '../ui.js';

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
