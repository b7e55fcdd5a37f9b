import { z } from 'zod';
import { configOf } from '../config.ts';
import { logError } from '../log.ts';
import { room } from '../objects/stubs.ts';
import { fetchPreview, type Outside } from './fetch.ts';

export const PREVIEWS_QUEUE = 'tideline-previews';

/** A link of a message that is to be looked up. */
export const PreviewJob = z.object({ chat_id: z.string(), seq: z.int(), url: z.string() });
export type PreviewJob = z.infer<typeof PreviewJob>;

/** Consumer of the PREVIEWS queue: looks a link up and tells the room. A room that cannot be told is told again later. */
export async function consumePreviews(batch: MessageBatch, env: Env, outside?: Outside): Promise<void> {
  const { publicUrl, linkPreviews } = configOf(env);
  const agent = `Tideline/1 (link preview; +${publicUrl})`;
  await Promise.all(
    batch.messages.map(async (message) => {
      const job = PreviewJob.safeParse(message.body);
      if (!job.success) {
        logError('preview.unknown_message', new Error('a message on the queue names no link'));
        return message.ack();
      }
      const { chat_id, seq, url } = job.data;
      try {
        const preview = linkPreviews ? await fetchPreview(url, agent, outside) : null;
        await room(env, chat_id).previewed(seq, url, preview);
        message.ack();
      } catch (error) {
        logError('preview.failed', error, { chat_id, seq });
        message.retry({ delaySeconds: Math.min(2 ** message.attempts, 300) });
      }
    }),
  );
}
