// Films and sound are played piece by piece: the service worker answers the player, and asks the page for the bytes, which
// asks the server. The page alone knows the session, and the server decides anew with every piece.

/** Addresses that the service worker answers so; the server knows none of them. */
export const MEDIA = '/media/';
/** What one answer brings at most, bytes: a player comes back for the rest. */
const PIECE = 2 * 1024 * 1024;

/** What the service worker asks of the page. */
export interface PieceRequest {
  readonly t: 'media';
  readonly path: string;
  readonly from: number;
  /** Bytes up to here, without it. */
  readonly before: number;
}

/** What the page answers; null: there is no such film for it, or the server does not give it. */
export type PieceAnswer = {
  readonly content: Blob;
  /** Of the whole, bytes. */
  readonly size: number;
  readonly type: string;
} | null;

/** The bytes that a `Range` asks for, no more than a piece of them; undefined: none that a player asks for. */
export function pieceOf(range: string | null): { readonly from: number; readonly before: number } | undefined {
  const match = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(range ?? 'bytes=0-');
  if (match === null) return undefined;
  const from = Number(match[1]);
  const last = match[2] === '' ? Number.POSITIVE_INFINITY : Number(match[2]);
  return last < from ? undefined : { from, before: Math.min(last + 1, from + PIECE) };
}

/** The answer to a player. Nothing but sound and films is answered with: nothing that a browser would run. */
export function answerOf(from: number, answer: PieceAnswer): Response {
  if (answer === null || !/^(video|audio)\/[\w.+-]+$/.test(answer.type)) return new Response(null, { status: 404 });
  const { content, size, type } = answer;
  if (content.size === 0 || from + content.size > size) {
    return new Response(null, { status: 416, headers: { 'content-range': `bytes */${size}` } });
  }
  return new Response(content, {
    status: 206,
    headers: {
      'content-type': type,
      'content-length': String(content.size),
      'content-range': `bytes ${from}-${from + content.size - 1}/${size}`,
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  });
}
