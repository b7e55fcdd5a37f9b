/** The part of `node:dns` that is used here: the runtime has it, its types come with Node's, which are not the Worker's. */
declare module 'node:dns/promises' {
  export function resolve4(hostname: string): Promise<string[]>;
  export function resolve6(hostname: string): Promise<string[]>;
}
