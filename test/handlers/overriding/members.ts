import type { BaseHandler } from '../../../src/handlers.js';

type Public = Exclude<keyof BaseHandler, State>;
export type Method = {
  [Name in Public]: BaseHandler[Name] extends (...args: never[]) => unknown ? Name : never;
}[Public];
export type Attribute = Exclude<Public, Method>;
type State = (typeof STATE)[number];
// Read by subclasses, and set by the base class.
export const STATE = ['environ', 'status', 'headers', 'headersSent', 'bytesSent', 'result', 'currentError'] as const;
