import type { Draft, FileInfo } from '@tideline/sdk';
import type { Bridge } from '../bridge/bridge.ts';
import { kindOfMessage } from './kind.ts';
import type { Attachment } from './tray.ts';
import { rememberTicket } from './use-file.ts';

/** Leave to send the files into the conversation: what stands for them in the message. */
async function ticketsOf(bridge: Bridge, chatId: string, files: readonly FileInfo[]): Promise<string[]> {
  return Promise.all(
    files.map(async ({ id }) => {
      const { ticket, file } = await bridge.client.files.ticket(chatId, id);
      rememberTicket(ticket, file);
      return ticket;
    }),
  );
}

/** A message that brings files that have arrived. @throws CallError */
export async function withFiles(bridge: Bridge, chatId: string, items: readonly Attachment[], draft: Draft) {
  const files = items.flatMap(({ file }) => file ?? []);
  // What was chosen as a file stays one.
  const kind = items.some((item) => item.kind === 'file') ? 'file' : kindOfMessage(files);
  return { ...draft, kind, files: await ticketsOf(bridge, chatId, files) };
}

/** Sends files that have arrived as one message. @throws CallError */
export async function sendFiles(bridge: Bridge, chatId: string, items: readonly Attachment[], draft: Draft) {
  await bridge.chat(chatId).send(await withFiles(bridge, chatId, items, draft));
}

/** Sends a recording into a conversation, or one of its threads. @throws CallError */
export async function sendVoice(bridge: Bridge, chatId: string, file: FileInfo, thread?: number): Promise<void> {
  const files = await ticketsOf(bridge, chatId, [file]);
  const where = thread === undefined ? {} : { thread_seq: thread };
  await bridge.chat(chatId).send({ kind: 'voice', content: '', files, ...where });
}
