/** What a request for a content of `size` bytes with this entity tag gets (RFC 9110). */
export type Plan = { status: 200 } | { status: 206; offset: number; length: number } | { status: 304 | 412 | 416 };

interface Conditions {
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
  ifRange?: string | undefined;
  range?: string | undefined;
}

/** Tags of a list. Ours are strong; a weak one has the same text behind its mark. */
const tags = (header: string): string[] => header.split(',').map((tag) => tag.trim());
const names = (header: string, etag: string): boolean => {
  const list = tags(header);
  return list.includes('*') || list.includes(etag);
};

/** One range is served; a request for several gets the whole, which RFC 9110 allows. */
export function plan({ ifMatch, ifNoneMatch, ifRange, range }: Conditions, etag: string, size: number): Plan {
  if (ifMatch !== undefined && !names(ifMatch, etag)) return { status: 412 };
  if (ifNoneMatch !== undefined && names(ifNoneMatch.replaceAll('W/', ''), etag)) return { status: 304 };
  if (range === undefined || (ifRange !== undefined && ifRange.trim() !== etag)) return { status: 200 };
  const [, first = '', last = ''] = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(range) ?? [];
  if (first === '' && last === '') return { status: 200 };
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? { status: 416 } : { status: 206, offset: size - length, length };
  }
  const offset = Number(first);
  const end = last === '' ? size - 1 : Number(last);
  if (last !== '' && end < offset) return { status: 200 };
  if (offset >= size) return { status: 416 };
  return { status: 206, offset, length: Math.min(end, size - 1) - offset + 1 };
}
