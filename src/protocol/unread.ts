/**
 * Unread messages, from watermarks alone: the messages in the log less those at or before the read watermark.
 * The one definition, used by the inbox and by the SDK. It cannot drift, because nothing is counted up or down.
 *
 * @param messages ordinal of the newest message
 * @param readMessages messages at or before the read watermark
 */
export function unread(messages: number, readMessages: number): number {
  return Math.max(0, messages - readMessages);
}
