// node verify.mjs ISSUER RECEIPT BODY: who allowed the call in BODY, by Postern's word; or why that word does not count.
//
// ISSUER is Postern's PUBLIC_URL, RECEIPT the header `X-Postern-Receipt`, BODY the JSON-RPC request that came with it.

import { receiptVerifier } from "./verifier.mjs";

const [issuer, receipt, body] = process.argv.slice(2);
try {
  // In a server: `await verify(request.headers.get("x-postern-receipt"), await request.text())`, and 403 when it throws.
  const verify = receiptVerifier(issuer);
  const { approved_by: by, client_id: agent, call, jti } = await verify(receipt, body);
  console.log(`${by.sub} of ${by.iss} allowed ${agent} ${call.name} (${jti})`);
} catch (error) {
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
