import { monotonicFactory } from 'ulidx';

// The generator is named, not detected: detection looks for globals that differ between runtimes.
const byte = new Uint8Array(1);
const ulid = monotonicFactory(() => (crypto.getRandomValues(byte)[0] ?? 0) / 256);

type Prefix = 'usr' | 'chat' | 'ws' | 'ses' | 'fgr' | 'inv' | 'tsk' | 'req';

/** A new typed id: sortable by time of creation, 80 bits of randomness. */
export const newId = (prefix: Prefix): string => `${prefix}_${ulid().toLowerCase()}`;

/** Random text for ids that are compared for equality only (an epoch, an inbox generation). */
export const randomTag = (): string => crypto.randomUUID().replaceAll('-', '').slice(0, 16);
