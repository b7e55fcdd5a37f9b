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

/** Sends files that have arrived as one message. @throws CallError */
export async function sendFiles(bridge: Bridge, chatId: string, items: readonly Attachment[], draft: Draft) {
  const files = items.flatMap(({ file }) => file ?? []);
  // What was chosen as a file stays one.
  const kind = items.some((item) => item.kind === 'file') ? 'file' : kindOfMessage(files);
  await bridge.chat(chatId).send({ ...draft, kind, files: await ticketsOf(bridge, chatId, files) });
}

/** Sends a recording. @throws CallError */
export async function sendVoice(bridge: Bridge, chatId: string, file: FileInfo): Promise<void> {
  const files = await ticketsOf(bridge, chatId, [file]);
  await bridge.chat(chatId).send({ kind: 'voice', content: '', files });
}
