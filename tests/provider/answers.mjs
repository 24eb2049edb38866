// An answer before it is sent: tests bend it, then it goes out with whatever faults it was given.

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Record<string, string | string[]>} headers
 * @property {unknown} body a string or Buffer goes out as it stands, anything else as JSON
 * @property {number} [delay] milliseconds before the head goes out
 * @property {boolean} [hang] never answer
 * @property {boolean} [drop] break the connection instead of answering
 * @property {boolean} [endless] the body never stops growing
 * @property {boolean} [stall] the head and half of the body go out, then nothing
 */

/** @returns {Answer} */
export const json = (body, status = 200) => ({
  status,
  headers: { "content-type": "application/json", "cache-control": "no-store" },
  body,
});

/** @returns {Answer} */
export const html = (body, status = 200) => ({ status, headers: { "content-type": "text/html; charset=utf-8" }, body });

/** @returns {Answer} */
export const redirect = (location, status = 303) => ({ status, headers: { location }, body: "" });

const CHUNK = " ".repeat(16 * 1024);

function pour(response) {
  const more = () => {
    while (!response.destroyed && response.write(CHUNK));
    if (!response.destroyed) response.once("drain", more);
  };
  more();
}

const bytesOf = (body) => (typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));

/**
 * Sends an answer, faults and all.
 * @param {import("node:http").ServerResponse} response
 * @param {Answer} answer
 */
export async function send(response, answer) {
  if (answer.hang) return;
  if (answer.delay) await new Promise((done) => setTimeout(done, answer.delay));
  if (answer.drop) {
    response.destroy();
    return;
  }
  response.writeHead(answer.status, answer.headers);
  if (answer.endless) {
    pour(response);
    return;
  }
  const bytes = bytesOf(answer.body);
  if (answer.stall) {
    response.write(bytes.slice(0, bytes.length / 2));
    return;
  }
  response.end(bytes);
}
