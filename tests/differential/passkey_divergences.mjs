// Where our verdict on a passkey is stricter than that of others, and why. A row that explains nothing fails.

const row = (name, code, ...bent) => ({ name, codes: [`passkey.${code}`], holds: (one) => bent.includes(one.bent) });

const BOTH = [
  row("they leave frames of other origins to their caller (R-204)", "cross_origin", "crossOrigin", "topOrigin"),
  row("a doubled member has two meanings (R-213)", "client_data", "a doubled member"),
  row("they do not ask how long a credential id is (R-212)", "credential_id", "an id of 1024 bytes"),
  row("they go by the credential in the data alone, whatever the answer is about", "credential_mismatch", "the name of another credential"),
  row("an attestation object has three members (§6.5.4)", "attestation_object", "an object with one more member"),
  row("a key has the members of its kind and no others (§6.5.1.1)", "key", "a private key beside", "a name beside"),
  row("a user handle that is there is the person's (R-208)", "user_handle", "another user handle"),
  row("they leave eligibility for backup to their caller (R-207)", "backup_eligibility", "backup that became possible", "backup that is possible no more"),
];

/** npm `@simplewebauthn/server`. */
export const PASSKEYS_STRICTER = [
  ...BOTH,
  row("client data that is not UTF-8 is decoded with replacements there", "client_data", "not UTF-8"),
  row("CBOR that is cut, or goes on, is read there as far as it goes (R-214)", "cbor", "data that is cut", "something behind the object", "an object that is cut"),
  row("without attestation, it looks at the key for the first time with the first proof", "key", "another kty", "no second number", "a short second number"),
  row("it reads more spellings of an ECDSA signature than DER has (R-209)", "signature", "a signature with a byte behind", "a signature with a longer head"),
];

/** PyPI `webauthn`. */
export const PASSKEYS_PYTHON = [
  ...BOTH,
  row("it compares challenges by their bytes, and reads padding", "challenge", "a padded challenge"),
  row("it reads no statement where none is expected (§8.7)", "attestation", "none with a statement"),
  row("CBOR has several spellings there (R-214)", "cbor", "something behind the object", "an object of indefinite length", "an object with a longer head"),
  row("without attestation, it looks at the key for the first time with the first proof", "key", "a short second number"),
];
