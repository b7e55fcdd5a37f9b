import { Chat, LocalMessage, type TidelineClient } from '@tideline/sdk';

/**
 * Calls a method of the client by its path: `['chats', 'create']`, or `['chat', id, 'send']`. Only what objects of the SDK
 * offer publicly can be reached, and only by pages of this origin.
 */
export async function callClient(
  client: TidelineClient,
  path: readonly string[],
  args: readonly unknown[],
): Promise<unknown> {
  const [first, id = '', ...rest] = path;
  const names = first === 'chat' ? rest : path;
  let target: object = first === 'chat' ? client.chat(id) : client;
  for (const name of names.slice(0, -1)) {
    const next: unknown = Reflect.get(target, name);
    if (typeof next !== 'object' || next === null) throw new TypeError(`there is no ${path.join('.')}`);
    target = next;
  }
  const method: unknown = Reflect.get(target, names.at(-1) ?? '');
  if (typeof method !== 'function') throw new TypeError(`there is no method ${path.join('.')}`);
  return plain(await Reflect.apply(method, target, args));
}

/** What crosses a port: an object of the SDK is named by what identifies it. */
function plain(value: unknown): unknown {
  if (value instanceof Chat) return { id: value.id };
  if (value instanceof LocalMessage) return { client_id: value.client_id };
  return value;
}
