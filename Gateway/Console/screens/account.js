// The way in: signing up and in, the second factor, the mailed code, a forgotten password, an invitation.
import { Form, Screen, api, drafts, go, header, html, icon, nothing, plural, problem, safeNext, session, settings, show, Resource, toast } from '../ui.js';

/** Where this visit was going. */
const next = () => safeNext(new URLSearchParams(location.search).get('next'));
const withNext = (path) => (location.search.includes('next=') ? `${path}?next=${encodeURIComponent(next())}` : path);

/** What follows a right password or code: the console itself. */
function enter(answer) {
  session.take(answer);
  settings.set('signed-in', true);
  go(next(), { replace: true });
}

const email = { label: 'E-mail', type: 'email', autocomplete: 'username', required: true };

export class SignIn extends Screen {
  static query = { ended: false };

  form = new Form(this, {
    initial: { email: drafts.read('who')?.email ?? '' },
    send: (values) => api.post('/api/v1/auth/sign-in', values),
    done: (answer) => {
      if (answer.status !== 'factor_required') return enter(answer);
      sessionStorage.setItem('challenge', answer.challenge);
      return go(withNext('/two-factor'));
    },
  });

  providers = new Resource(this, (signal) => api.get('/api/v1/auth/openid', { signal }));

  render() {
    const { form } = this;
    return html`${header({ title: 'Sign in' })}
      ${this.query.ended ? html`<p class="hint">${icon('info')}<span>Your session has ended. Sign in to go on; drafts are kept in this tab.</span></p>` : nothing}
      ${form.render(html`${form.field('email', email)}${form.field('password', { label: 'Password', type: 'password', autocomplete: 'current-password', required: true })}`, { submit: 'Sign in', busy: 'Signing in' })}
      <div class="stack section">${(this.providers.data?.providers ?? []).map((name) => html`<button type="button" @click=${() => this.#begin(name)}>Sign in with ${name === 'google' ? 'Google' : 'Microsoft'}</button>`)}
      <p><a href="/forgot-password">Forgot your password?</a></p><p>No account yet? <a href=${withNext('/register')}>Create one</a></p></div>`;
  }

  async #begin(name) {
    try {
      location.assign((await api.post(`/api/v1/auth/openid/${name}/begin`, {})).authorize_url);
    } catch (error) {
      this.form.problem = error;
      this.requestUpdate();
    }
  }
}

export class SignUp extends Screen {
  form = new Form(this, {
    initial: { name: '', company: '', email: '' },
    draft: 'sign-up',
    send: (values) => api.post('/api/v1/auth/sign-up', values),
    done: () => {
      drafts.write('who', { email: this.form.values.email });
      go(withNext('/verify'));
    },
  });

  render() {
    const { form } = this;
    return html`${header({ title: 'Create an account', note: 'A trial of 14 days. No card is needed.' })}
      ${form.render(html`${form.field('name', { label: 'Your name', autocomplete: 'name', required: true, maxlength: 200 })}
      ${form.field('company', { label: 'Company', autocomplete: 'organization', required: true, maxlength: 200 })}
      ${form.field('email', { ...email, autocomplete: 'email' })}
      ${form.field('password', { label: 'Password', type: 'password', autocomplete: 'new-password', required: true, hint: 'At least 8 characters. A sentence is good; a password that leaked elsewhere is refused.' })}`, { submit: 'Create account', busy: 'Creating' })}
      <p class="section">You have an account? <a href=${withNext('/login')}>Sign in</a></p>`;
  }
}

/** The code of the mail, or its link; the password is not asked for again where this browser is signed in. */
export class CheckMail extends Screen {
  form = new Form(this, {
    initial: { email: session.user?.email ?? drafts.read('who')?.email ?? '', code: '' },
    send: (values) => api.post('/api/v1/auth/verify-email', { email: values.email, code: values.code.replace(/\D/g, '') }),
    done: async () => {
      toast('Your address is confirmed.');
      if (!session.isSignedIn) return go(withNext('/login'));
      await session.load();
      return go('/dashboard');
    },
  });

  wait = 30;

  connectedCallback() {
    super.connectedCallback();
    this.timer = setInterval(() => { if (this.wait > 0) { this.wait -= 1; this.requestUpdate(); } }, 1_000);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  render() {
    const { form } = this;
    const known = Boolean(form.initial.email);
    return html`${header({ title: 'Check your mail', note: known ? html`We sent a link and a code of six digits to <b dir="auto">${form.values.email}</b>. Follow the link or enter the code. Both are good for 30 minutes.` : 'Enter your address and the code of six digits from our mail.' })}
      ${form.render(html`${known ? nothing : form.field('email', email)}${form.field('code', { label: 'Code', type: 'code', required: true, maxlength: 12 })}`, { submit: 'Confirm', busy: 'Confirming' })}
      <div class="stack section"><h2>No mail?</h2><p class="note">It can take a minute. Look into the folder for unwanted mail, and check the address above.</p>
      <div class="actions"><button type="button" ?disabled=${this.wait > 0} @click=${this.#resend}>Send it again</button>${this.wait > 0 ? html`<span class="note">in ${plural(this.wait, 'second')}</span>` : nothing}</div>
      <p>Wrong address? <a href="/register">Start again</a> or <a href=${withNext('/login')}>sign in</a></p></div>`;
  }

  #resend = async () => {
    try {
      await api.post('/api/v1/auth/verify-email/resend', { email: this.form.values.email });
      this.wait = 60;
      toast('Sent. The older code is no longer good.');
    } catch (error) {
      this.form.problem = error;
      this.wait = error.retryAfter ?? this.wait;
    }
    this.requestUpdate();
  };
}

export class SecondFactor extends Screen {
  recovery = false;

  form = new Form(this, {
    initial: { code: '' },
    send: (values) => api.post('/api/v1/auth/sign-in/factor', {
      challenge: sessionStorage.getItem('challenge') ?? '', ...(this.recovery ? { recovery_code: values.recovery_code.trim() } : { code: values.code.replace(/\D/g, '') }),
    }),
    done: (answer) => {
      sessionStorage.removeItem('challenge');
      enter(answer);
    },
  });

  render() {
    const { form } = this;
    const ask = this.recovery
      ? form.field('recovery_code', { label: 'Recovery code', required: true, mono: true, autocomplete: 'off', secret: true })
      : form.field('code', { label: 'Code from your app', type: 'code', required: true, maxlength: 12, secret: true });
    const turn = () => { this.recovery = !this.recovery; form.problem = null; this.requestUpdate(); };
    return html`${header({ title: 'Two-step sign-in', note: this.recovery ? 'Each recovery code is good once.' : 'Enter the code that your authenticator app shows now.' })}
      ${form.render(ask, { submit: 'Sign in', busy: 'Signing in' })}
      <p class="section"><button type="button" class="plain link" @click=${turn}>${this.recovery ? 'Use the app instead' : 'Use a recovery code'}</button> or <a href=${withNext('/login')}>start again</a></p>`;
  }
}

export class ForgotPassword extends Screen {
  sent = false;

  form = new Form(this, {
    initial: { email: drafts.read('who')?.email ?? '' },
    send: (values) => api.post('/api/v1/auth/password/forgot', values),
    done: () => { this.sent = true; this.requestUpdate(); },
  });

  render() {
    if (this.sent) {
      return html`${header({ title: 'Check your mail', note: html`If <b dir="auto">${this.form.values.email}</b> has an account, a link to set a new password is on its way. It is good for an hour.` })}
        <div class="actions"><a class="button" href="/login">Back to sign in</a><button type="button" class="quiet" @click=${() => { this.sent = false; this.requestUpdate(); }}>Another address</button></div>`;
    }
    return html`${header({ title: 'Forgot your password', note: 'We mail you a link to set a new one. It ends all your sessions.' })}
      ${this.form.render(this.form.field('email', email), { submit: 'Send the link', busy: 'Sending' })}<p class="section"><a href="/login">Back to sign in</a></p>`;
  }
}

export class Invitation extends Screen {
  static query = { token: '' };

  offer = new Resource(this, (signal) => api.get('/api/v1/auth/invitation', { query: { token: this.query.token }, signal }));

  form = new Form(this, {
    initial: { name: '' },
    send: (values) => api.post('/api/v1/auth/invitation/accept', { token: this.query.token, ...(this.offer.data.has_account ? {} : values) }),
    done: async () => {
      toast('You have joined.');
      drafts.write('who', { email: this.offer.data.email });
      go(session.isSignedIn ? '/dashboard' : '/login');
    },
  });

  render() {
    return html`${header({ title: 'Invitation' })}${this.offer.error ? problem(this.offer.error) : show(this.offer, { data: (offer) => this.#answer(offer) })}`;
  }

  #answer(offer) {
    const { form } = this;
    const mustSignIn = offer.has_account && !session.isSignedIn;
    return html`<p><b dir="auto">${offer.company}</b> invites <b dir="auto">${offer.email}</b> to work with them as ${offer.role}.</p>
      ${mustSignIn ? html`<div class="actions section"><a class="button primary" href="/login?next=${encodeURIComponent(location.pathname + location.search)}">Sign in to accept</a></div>` : html`<div class="section">${form.render(offer.has_account ? nothing : html`
      ${form.field('name', { label: 'Your name', autocomplete: 'name', required: true })}
      ${form.field('password', { label: 'Password', type: 'password', autocomplete: 'new-password', required: true, hint: 'At least 8 characters.' })}`, { submit: 'Join', busy: 'Joining' })}</div>`}`;
  }
}
