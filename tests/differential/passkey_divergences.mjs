// Where our verdict on a passkey is stricter than that of others, and why.

export const PASSKEYS_STRICTER = [];
export const PASSKEYS_PYTHON = { stricter: [], wider: [] };
