// Asks us what to ask the browser, and sends the browser's answer with the form. By hand what `parseCreationOptionsFromJSON` and
// `toJSON` do: what some password managers give in the place of a credential has neither.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
const known = (list) => list.map((one) => ({ ...one, id: bytes(one.id) }));
const PARTS = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];

async function asked(form) {
  const answer = await fetch(form.dataset.begin, { method: 'POST', headers: { accept: 'application/json' } });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const { challenge, user, excludeCredentials, allowCredentials, ...rest } = await answer.json();
  const publicKey = { ...rest, challenge: bytes(challenge) };
  if (form.dataset.passkey === 'enrol') {
    publicKey.user = { ...user, id: bytes(user.id) };
    publicKey.excludeCredentials = known(excludeCredentials);
    return navigator.credentials.create({ publicKey });
  }
  publicKey.allowCredentials = known(allowCredentials);
  return navigator.credentials.get({ publicKey });
}

function asJson({ id, rawId, type, response }) {
  const parts = { transports: response.getTransports?.() };
  for (const name of PARTS.filter((name) => response[name]?.byteLength)) parts[name] = text(response[name]);
  return JSON.stringify({ id, rawId: text(rawId), type, response: parts, clientExtensionResults: {} });
}

async function send(form) {
  const [button, error] = [form.querySelector('button'), form.querySelector('[data-passkey-error]')];
  [button.disabled, error.hidden] = [true, true];
  try {
    form.elements.credential.value = asJson(await asked(form));
    form.submit();
  } catch {
    [button.disabled, error.hidden] = [false, false];
  }
}

if (globalThis.PublicKeyCredential) {
  for (const none of document.querySelectorAll('[data-passkey-none]')) none.hidden = true;
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      send(form);
    });
  }
  // Tells the browser which of its passkeys are still good here (WebAuthn §5.1.10), where it knows how.
  for (const { dataset: { rpId, userHandle, credentials } } of document.querySelectorAll('[data-rp-id]')) {
    const allAcceptedCredentialIds = credentials.split(' ').filter(Boolean);
    PublicKeyCredential.signalAllAcceptedCredentials?.({ rpId, userId: userHandle, allAcceptedCredentialIds }).catch(() => {});
  }
}
