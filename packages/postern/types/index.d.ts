// The types of the Worker. What it needs is in the configuration: see `postern check`.

/** A Durable Object of Postern's. Its class is exported from your Worker; nothing else calls it. */
declare class PosternObject {
  constructor(state: unknown, env: unknown);
  fetch(request: Request): Promise<Response>;
  alarm(): Promise<void>;
}

export class SubjectObject extends PosternObject {}
export class OnceObject extends PosternObject {}
export class SidIndexObject extends PosternObject {}
export class BucketObject extends PosternObject {}
export class TupleObject extends PosternObject {}
export class DecisionObject extends PosternObject {}
export class BlockObject extends PosternObject {}
export class KeyObject extends PosternObject {}
export class ServiceTokenObject extends PosternObject {}

/** The Worker: `export { default } from 'postern'`. */
declare const worker: {
  fetch(request: Request, env: unknown, context: unknown): Promise<Response>;
  scheduled(event: unknown, env: unknown, context: unknown): Promise<void>;
};
export default worker;

/**
 * The Worker with a configuration file, a JSON module or its text: variables by their names. It has no limit of size, as
 * variables have.
 *
 *     import { configured } from 'postern';
 *     import configuration from '../postern.json';
 *     export * from 'postern';
 *     export default configured(configuration);
 */
export function configured(file: object | string): typeof worker;
