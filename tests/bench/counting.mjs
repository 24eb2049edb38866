// The built Worker, and how many rows its objects read and wrote: for gateways.mjs.

import Postern, * as classes from "./index.js";

const cursors = [];

/** The platform counts the rows of each statement, also of those whose rows are read later. */
function count(storage) {
  const prototype = Object.getPrototypeOf(storage.sql);
  if (prototype.isCounting) return;
  const { exec } = prototype;
  prototype.exec = function (...statement) {
    const cursor = exec.apply(this, statement);
    cursors.push(cursor);
    return cursor;
  };
  prototype.isCounting = true;
}

const counting = (Class) =>
  class extends Class {
    constructor(context, env) {
      count(context.storage);
      super(context, env);
    }
  };

export class SubjectObject extends counting(classes.SubjectObject) {}
export class OnceObject extends counting(classes.OnceObject) {}
export class TupleObject extends counting(classes.TupleObject) {}

export default {
  fetch(request, env, context) {
    if (!request.url.endsWith("/rows-so-far")) return Postern.fetch(request, env, context);
    const sum = (member) => cursors.reduce((total, cursor) => total + cursor[member], 0);
    return Response.json({ read: sum("rowsRead"), written: sum("rowsWritten") });
  },
};
