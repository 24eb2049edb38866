// The same small application in several frameworks, each as it is by default. Every answer names what was served.

import { createServer } from "node:http";
import { once } from "node:events";

import Router from "@koa/router";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";

import { ROUTES } from "./routes.mjs";

async function listening(handler) {
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: server.address().port, close: () => new Promise((done) => server.close(done)) };
}

function inExpress(prefix) {
  const app = express();
  for (const [method, path, name] of ROUTES) app[method.toLowerCase()](prefix + path, (_, response) => response.json({ served: name }));
  return listening(app);
}

function inKoa(prefix) {
  const [app, router] = [new Koa(), new Router()];
  for (const [method, path, name] of ROUTES) router[method.toLowerCase()](prefix + path, (context) => { context.body = { served: name }; });
  app.use(router.routes());
  return listening(app.callback());
}

async function inFastify(prefix, routerOptions) {
  const app = fastify({ routerOptions });
  for (const [method, path, name] of ROUTES) app.route({ method, url: prefix + path, handler: async () => ({ served: name }) });
  await app.ready();
  return listening((request, response) => app.routing(request, response));
}

function inHono(prefix) {
  const app = new Hono();
  for (const [method, path, name] of ROUTES) app.on(method, prefix + path, (context) => context.json({ served: name }));
  return listening(async (request, response) => {
    const answer = await app.fetch(new Request(`http://localhost${request.url}`, { method: request.method }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  });
}

export const FRAMEWORKS = {
  express: inExpress,
  koa: inKoa,
  fastify: (prefix) => inFastify(prefix, {}),
  "fastify-loose": (prefix) => inFastify(prefix, { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true }),
  hono: inHono,
};
