import type { en } from './en.ts';

type Same<T> = { readonly [K in keyof T]: T[K] extends string ? string : Same<T[K]> };

/** Every text of the client; a language that lacks one does not compile. */
export type Texts = Same<typeof en>;
