/** A notification, as it is shown. */
export interface Told {
  readonly title: string;
  readonly body: string;
  /** What the next one of the same conversation takes the place of. */
  readonly tag: string;
  /** Where a click leads. */
  readonly path: string;
}

/** What the server pushes: `PushPayload` of the protocol, as far as it is shown. */
interface Pushed {
  readonly chat_id?: unknown;
  readonly chat_name?: unknown;
  readonly sender_name?: unknown;
  readonly preview?: unknown;
  readonly unread?: unknown;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/**
 * What is said of a push: a Single is named by who wrote, another conversation by its name, with who wrote in what is said. A
 * push without a text says none.
 */
export function toldBy(data: { json(): unknown } | null): Told {
  const { chat_id, chat_name, sender_name, preview, unread } = pushed(data);
  const [id, chat, sender, said] = [text(chat_id), text(chat_name), text(sender_name), text(preview) ?? '…'];
  const count = typeof unread === 'number' && unread > 1 ? ` (${unread})` : '';
  return {
    title: `${chat ?? sender ?? 'Tideline'}${count}`,
    body: chat !== undefined && sender !== undefined ? `${sender}: ${said}` : said,
    tag: id ?? 'tideline',
    path: id === undefined ? '/' : `/c/${id}`,
  };
}

function pushed(data: { json(): unknown } | null): Pushed {
  try {
    const value: unknown = data?.json();
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
