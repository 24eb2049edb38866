// Sign-in and consent, as plain forms on top of `oidc-provider`'s interactions.

import { timingSafeEqual } from 'node:crypto';

import { consentPage, errorPage, loginPage } from './pages.mjs';

const MAX_FORM_BYTES = 8 * 1024;

/** Answers `GET` and `POST` under `/interaction/{uid}`. */
export function interactionHandler(context) {
  return async (req, res) => {
    try {
      const details = await context.provider.interactionDetails(req, res);
      if (req.method === 'POST') await submit(context, details, req, res);
      else await show(context, details, res);
    } catch (error) {
      // A stale tab or a cookie of yesterday's process: nothing to continue.
      const known = error.name === 'SessionNotFound';
      if (!known) console.error(error);
      html(res, known ? 400 : 500, errorPage(context.name, {
        error: known ? 'sign-in expired' : 'server error',
        error_description: 'Go back to the application and start again.',
      }));
    }
  };
}

async function show(context, details, res, problem) {
  const client = await context.provider.Client.find(details.params.client_id);
  const view = details.prompt.name === 'login'
    ? loginPage(context, {
      clientName: client.clientName ?? client.clientId,
      login: details.params.login_hint ?? context.accounts[0]?.login ?? '',
      secondFactor: wantsSecondFactor(context, details),
      problem,
    })
    : consentPage(context, { clientName: client.clientName ?? client.clientId, asked: asked(details) });
  html(res, problem ? 400 : 200, view);
}

async function submit(context, details, req, res) {
  const form = await readForm(req);
  if (form.get('cancel') !== null) {
    const result = { error: 'access_denied', error_description: 'the user cancelled' };
    return context.provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  }
  return details.prompt.name === 'login'
    ? submitLogin(context, details, form, req, res)
    : submitConsent(context, details, req, res);
}

async function submitLogin(context, details, form, req, res) {
  const account = context.accounts.find((one) => one.login === form.get('login')?.trim().toLowerCase());
  if (!account || !equal(form.get('password') ?? '', account.password)) {
    return show(context, details, res, 'That user name and password do not match.');
  }
  const secondFactor = wantsSecondFactor(context, details);
  if (secondFactor && !equal(form.get('code') ?? '', context.code)) {
    return show(context, details, res, 'That code is not right.');
  }
  const login = {
    accountId: account.sub,
    acr: secondFactor ? context.acr.secondFactor : context.acr.password,
    amr: secondFactor ? ['pwd', 'otp'] : ['pwd'],
  };
  return context.provider.interactionFinished(req, res, { login }, { mergeWithLastSubmission: false });
}

async function submitConsent(context, details, req, res) {
  const { Grant } = context.provider;
  const account = context.accounts.find((one) => one.sub === details.session.accountId);
  const grant = (details.grantId && await Grant.find(details.grantId))
    || new Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes = {} } = details.prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [indicator, scopes] of Object.entries(missingResourceScopes)) {
    // An account without a scope is not given it, whatever the client asked for.
    const [granted, refused] = [[], []];
    for (const scope of scopes) (account?.scopes.includes(scope) ? granted : refused).push(scope);
    if (granted.length) grant.addResourceScope(indicator, granted.join(' '));
    if (refused.length) grant.rejectResourceScope(indicator, refused.join(' '));
  }
  const result = { consent: { grantId: await grant.save() } };
  return context.provider.interactionFinished(req, res, result, { mergeWithLastSubmission: true });
}

function wantsSecondFactor(context, details) {
  return details.params.acr_values?.split(' ').includes(context.acr.secondFactor) ?? false;
}

function asked(details) {
  const { missingOIDCScope = [], missingResourceScopes = {} } = details.prompt.details;
  const scopes = [...missingOIDCScope, ...Object.values(missingResourceScopes).flat()];
  return scopes.length ? scopes : (details.params.scope ?? '').split(' ');
}

function equal(given, expected) {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

async function readForm(req) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > MAX_FORM_BYTES) throw new Error('form too large');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

function html(res, status, body) {
  res.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  res.end(body);
}
