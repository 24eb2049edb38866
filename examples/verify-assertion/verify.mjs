// node verify.mjs ISSUER AUDIENCE ASSERTION: who asks, by Postern's word; or why that word does not count.
//
// ISSUER is Postern's PUBLIC_URL, AUDIENCE this upstream as the route names it: `service:ORDERS` or `https://api.example.com`.

import { verifier } from "./verifier.mjs";

const [issuer, audience, assertion] = process.argv.slice(2);
try {
  // In a server: `await verify(request.headers.get("x-postern-assertion"))`, and 401 when it throws.
  const verify = verifier(issuer, audience);
  const { sub, sub_id, kind } = await verify(assertion);
  console.log(`${kind} ${sub_id.sub} of ${sub_id.iss} (${sub})`);
} catch (error) {
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
