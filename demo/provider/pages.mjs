// The provider's pages: one layout, no script.

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text made safe for HTML text and quoted attributes. */
export function escape(text) {
  return String(text).replace(/[&<>"']/g, (char) => ESCAPES[char]);
}

const STYLE = `
:root { color-scheme: light dark; --bg: #eef1f6; --card: #fff; --text: #1b2230; --quiet: #566074; --line: #ccd3df;
  --accent: #6b3fd4; --on-accent: #fff; --bad: #b3261e; --bad-bg: #fdecea; --hint: #f3effd; }
@media (prefers-color-scheme: dark) { :root { --bg: #12141b; --card: #1b1f29; --text: #e8ebf2; --quiet: #a5aec0; --line: #3a4152;
  --accent: #b79cff; --on-accent: #1a1033; --bad: #ffb4ab; --bad-bg: #3b1a18; --hint: #262038; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--bg);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { width: min(26rem, 100%); background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 2rem; }
.brand { display: flex; align-items: center; gap: .6rem; margin: 0 0 1.25rem; color: var(--quiet); font-weight: 600; }
.brand::before { content: ""; width: 1.1rem; height: 1.1rem; border-radius: .3rem; background: var(--accent); transform: rotate(45deg) scale(.8); }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .25rem; }
p { margin: .25rem 0 1rem; } .quiet { color: var(--quiet); }
label { display: block; font-weight: 600; margin: .9rem 0 .3rem; }
input { width: 100%; font: inherit; padding: .6rem .75rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--bg); color: inherit; }
.actions { display: flex; gap: .75rem; margin-top: 1.5rem; }
button { flex: 1; font: inherit; font-weight: 600; padding: .65rem 1rem; border-radius: .5rem; border: 1px solid var(--line);
  background: transparent; color: inherit; cursor: pointer; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.problem { color: var(--bad); background: var(--bad-bg); padding: .6rem .8rem; border-radius: .5rem; margin: 1rem 0 0; }
.hint { margin-top: 1.5rem; padding: .8rem 1rem; border-radius: .5rem; background: var(--hint); font-size: .9rem; }
.hint p { margin: 0 0 .3rem; font-weight: 600; } .hint ul { margin: 0; padding-left: 1.1rem; }
ul.asked { padding-left: 1.2rem; margin: .5rem 0 0; } code { font-size: .95em; overflow-wrap: anywhere; }
`;

/** The layout around every page. `body` is HTML; the rest is text. */
export function page(name, title, body) {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · ${escape(name)}</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body><main><p class="brand">${escape(name)}</p>
<h1>${escape(title)}</h1>
${body}
</main></body></html>`;
}

/** Sign-in. The accounts are shown because they are for show. */
export function loginPage({ name, accounts, code }, { clientName, login, secondFactor, problem }) {
  const known = accounts.find((one) => one.login === login);
  const hints = accounts.map((one) => `<li><code>${escape(one.login)}</code> / <code>${escape(one.password)}</code></li>`);
  if (secondFactor) hints.push(`<li>one-time code <code>${escape(code)}</code></li>`);
  return page(name, 'Sign in', `
<p class="quiet">to continue to ${escape(clientName)}</p>
${problem ? `<p class="problem" role="alert">${escape(problem)}</p>` : ''}
<form method="post">
<label for="login">User name</label>
<input id="login" name="login" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus value="${escape(login)}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required value="${escape(known?.password ?? '')}">
${secondFactor ? `<label for="code">One-time code</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required>` : ''}
<div class="actions"><button class="primary">Sign in</button><button name="cancel" value="1" formnovalidate>Cancel</button></div>
</form>
<div class="hint"><p>Accounts for development</p><ul>${hints.join('')}</ul></div>`);
}

const SCOPES = {
  openid: 'know that it is you',
  profile: 'see your name',
  email: 'see your e-mail address',
  offline_access: 'stay signed in while you are away',
  'hello:read': 'read greetings for you from the demo API',
  'hello:write': 'write greetings for you to the demo API',
};

/** Consent: what the application will be able to do. */
export function consentPage({ name }, { clientName, asked }) {
  const items = asked.map((scope) => `<li>${SCOPES[scope] ? escape(SCOPES[scope]) : `<code>${escape(scope)}</code>`}</li>`);
  return page(name, `Allow ${clientName}?`, `
<p class="quiet">It would like to</p>
<ul class="asked">${items.join('')}</ul>
<form method="post"><div class="actions">
<button class="primary" autofocus>Allow</button><button name="cancel" value="1">Cancel</button>
</div></form>`);
}

/** RP-initiated logout: asks before it ends the provider's own session. `form` is the library's hidden form. */
export function logoutPage(name, form) {
  return page(name, `Sign out of ${name}?`, `
<p class="quiet">You are leaving the application. Your session here can end too.</p>
${form}
<div class="actions">
<button class="primary" autofocus type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<button type="submit" form="op.logoutForm">Stay signed in</button>
</div>`);
}

/** What went wrong, in the words of the protocol. */
export function errorPage(name, { error, error_description: description }) {
  return page(name, 'That did not work', `<p>${escape(description ?? '')}</p><p class="quiet"><code>${escape(error)}</code></p>`);
}
