import { env } from 'cloudflare:workers';
import { FileInfo, FileTicket, Upload, UploadPart } from '../../src/protocol/files.ts';
import { type Account, expectJson, request } from './api.ts';
import { roomOf } from './objects.ts';

const crcTable = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
const crc = (bytes: Uint8Array): number =>
  (bytes.reduce((sum, byte) => (crcTable[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;

/** The beginning of a PNG that declares this size; no pixel of it is there. `salt` makes its content another. */
export function png(width: number, height: number, salt = ''): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(33 + 12 + salt.length);
  header.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(header.buffer);
  const chunk = (at: number, type: string, data: Uint8Array) => {
    view.setUint32(at, data.byteLength);
    header.set(new TextEncoder().encode(type), at + 4);
    header.set(data, at + 8);
    view.setUint32(at + 8 + data.byteLength, crc(header.subarray(at + 4, at + 8 + data.byteLength)));
  };
  const ihdr = new Uint8Array(13);
  new DataView(ihdr.buffer).setUint32(0, width);
  new DataView(ihdr.buffer).setUint32(4, height);
  ihdr.set([8, 6, 0, 0, 0], 8);
  chunk(8, 'IHDR', ihdr);
  chunk(33, 'IDAT', new TextEncoder().encode(salt));
  return header;
}

export const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');

/** Bytes that say nothing, and differ from any others. */
export function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, size)));
  return bytes;
}

const query = (fields: Record<string, string>): string => new URLSearchParams(fields).toString();

export const uploadRaw = (account: Account, content: BodyInit, fields: Record<string, string> = {}) =>
  request(`/api/uploads?${query({ name: 'a file', ...fields })}`, { token: account.token, raw: content });

/** Uploads in one request. */
export async function upload(account: Account, content: BodyInit, fields: Record<string, string> = {}) {
  const response = await uploadRaw(account, content, fields);
  const text = await response.text();
  if (response.status !== 201) throw new Error(`upload: ${response.status} ${text}`);
  return FileInfo.parse(JSON.parse(text));
}

export const begin = ({ token }: Account, body: Record<string, unknown>) =>
  expectJson(Upload, 201, '/api/files', { token, body: { name: 'a file', ...body } });

export const putPart = ({ token }: Account, id: string, number: number, raw: BodyInit) =>
  expectJson(UploadPart, 200, `/api/files/${id}/parts/${number}`, { method: 'PUT', token, raw });

export const complete = ({ token }: Account, id: string) =>
  expectJson(FileInfo, 200, `/api/files/${id}/complete`, { method: 'POST', token });

export const ticketFor = ({ token }: Account, chatId: string, body: { file_id: string; from_chat_id?: string }) =>
  expectJson(FileTicket, 201, `/api/chats/${chatId}/files`, { token, body });

/** Objects that lie in R2. */
export async function stored(): Promise<string[]> {
  return (await env.FILES.list()).objects.map(({ key }) => key);
}

export const heldBy = (chatId: string, id: string): Promise<string[]> => roomOf(chatId).heldFiles([id]);
