// A small MCP server as many are: a few notes, and tools to search, read and delete them. It knows nothing of sign-ins or of
// grants. Who asks it is told by Postern's assertion, which it verifies.

import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';
import { errors } from 'jose';

import { verifier } from '../../examples/verify-assertion/verifier.mjs';

const notes = new Map([
  ['tea', 'At six. The Hatter brings the cups.'],
  ['croquet', 'The hedgehogs walk away in the middle of the game.'],
  ['jam', 'Tomorrow, and yesterday, but never today.'],
]);

const text = (said) => ({ content: [{ type: 'text', text: said }] });
const noArguments = fromJsonSchema({ type: 'object', properties: {} });
const named = (name, description) => fromJsonSchema({ type: 'object', properties: { [name]: { type: 'string', description } }, required: [name] });

/** A server for one request, which this caller sends. */
function serverFor(caller) {
  const server = new McpServer({ name: 'postern-demo', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Who asks, by the word of the gateway', inputSchema: noArguments }, () => text(describe(caller)));
  server.registerTool('search', { description: 'Finds notes by a word', inputSchema: named('word', 'what to look for') }, ({ word }) => {
    const found = [...notes].filter(([name, note]) => `${name} ${note}`.toLowerCase().includes(word.toLowerCase()));
    return text(found.map(([name]) => name).join('\n') || 'nothing');
  });
  server.registerTool('delete_note', { description: 'Deletes a note', inputSchema: named('name', 'of the note') }, ({ name }) => (
    text(notes.delete(name) ? `deleted ${name}` : 'there is no such note')
  ));
  server.registerTool('dump', { description: 'Everything there is', inputSchema: noArguments }, () => text(JSON.stringify([...notes])));
  server.registerResource('notes', 'note://all', { description: 'The names of all notes' }, (uri) => (
    { contents: [{ uri: uri.href, text: [...notes.keys()].join('\n') }] }
  ));
  return server;
}

/** For whom, as their provider calls them, and by which program. */
const describe = ({ sub_id: { iss, sub }, kind, client_id: client, scope }) => JSON.stringify({ iss, sub, kind, client, scope });

let verify;

export default {
  async fetch(request, env) {
    verify ??= verifier(env.POSTERN, 'service:MCP');
    const caller = await whoAsks(request.headers.get('x-postern-assertion'));
    if (!caller) return Response.json({ error: 'not_through_the_gateway' }, { status: 401 });
    return createMcpHandler(() => serverFor(caller)).fetch(request);
  },
};

/** The claims of a valid assertion, or null. */
async function whoAsks(assertion) {
  try {
    return await verify(assertion ?? '');
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    console.warn(JSON.stringify({ event: 'assertion_refused', code: error.code }));
    return null;
  }
}
