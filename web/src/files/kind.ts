import type { FileInfo } from '@tideline/sdk';

export type MediaKind = 'image' | 'video' | 'audio' | 'file';

const PREFIXES = ['image', 'video', 'audio'] as const;

/** What a file is shown as, by what the browser says of it before the server has looked at it. */
export const kindOfType = (type: string): MediaKind =>
  PREFIXES.find((prefix) => type.startsWith(`${prefix}/`)) ?? 'file';

/** The kind of the message that carries the files: what all of them are shown as, else just files. */
export function kindOfMessage(files: readonly Pick<FileInfo, 'type' | 'inline'>[]): MediaKind {
  const [first, ...others] = new Set(files.map(({ type, inline }) => (inline ? kindOfType(type) : 'file')));
  return first === undefined || others.length > 0 ? 'file' : first;
}
