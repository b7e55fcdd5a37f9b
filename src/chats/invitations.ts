import { base64url } from 'jose';

/** Where a conversation's id begins to be its own. */
const PREFIX = 'chat_';
const ID_LENGTH = 26;
/** Bytes of a secret: 192 bits. */
const SECRET_BYTES = 24;

/** The digest of a code: all that a conversation keeps of it. */
export async function digestOf(code: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(code));
  return base64url.encode(new Uint8Array(digest));
}

/** A new code: it says which conversation it is to, so that no directory has to be asked. */
export function newCode(chatId: string): string {
  const secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return chatId.slice(PREFIX.length) + base64url.encode(secret);
}

/** The conversation of a code that follows its pattern. */
export const chatOfCode = (code: string): string => PREFIX + code.slice(0, ID_LENGTH);
