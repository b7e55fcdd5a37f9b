import { inject, onTestFinished } from 'vitest';
import { type ClientOptions, createClient, type Message, type TidelineClient, type User } from '../../src/index.ts';
import { CuttingProxy } from './proxy.ts';

export const PASSWORD = 'correct horse battery';

let count = 0;
const unique = () => `${process.pid}-${Date.now().toString(36)}-${count++}`;

export interface Person {
  readonly client: TidelineClient;
  readonly user: User;
  /** Every message that the client announced, in order. */
  readonly heard: Message[];
  readonly errors: Error[];
}

/** A client that is disconnected at the end of the test. */
export async function device(options: Partial<ClientOptions> = {}): Promise<TidelineClient> {
  const client = await createClient({ url: inject('serverUrl'), ...options });
  onTestFinished(() => client.disconnect());
  return client;
}

export function watch(client: TidelineClient): Pick<Person, 'heard' | 'errors'> {
  const heard: Message[] = [];
  const errors: Error[] = [];
  client.on('message', (message) => heard.push(message));
  client.on('error', (error) => errors.push(error));
  return { heard, errors };
}

/** Somebody new, signed up and connected. */
export async function person(name: string, options: Partial<ClientOptions> = {}): Promise<Person> {
  const client = await device(options);
  const watched = watch(client);
  const email = `${name.toLowerCase()}-${unique()}@example.com`;
  const user = await client.signUp({ fullname: name, email, password: PASSWORD });
  await client.connect();
  return { client, user, ...watched };
}

/** Another device of somebody. */
export async function secondDevice(of: Person, options: Partial<ClientOptions> = {}): Promise<Person> {
  const client = await device(options);
  const watched = watch(client);
  const user = await client.signIn({ email: of.user.email, password: PASSWORD });
  await client.connect();
  return { client, user, ...watched };
}

export async function proxy(): Promise<CuttingProxy> {
  const made = await CuttingProxy.before(inject('serverUrl'));
  onTestFinished(() => made.close());
  return made;
}

/** A group of these people, known to all of their clients. */
export async function group(owner: Person, ...others: Person[]): Promise<string> {
  const chat = await owner.client.chats.create({
    type: 'Group',
    name: 'Engines',
    members: others.map((other) => other.user.id),
  });
  await until(() => [owner, ...others].every(({ client }) => client.chats.row(chat.id) !== undefined));
  return chat.id;
}

/** Waits until it is so; fails after a while. */
export async function until(isSo: () => boolean, within = 10_000): Promise<void> {
  const end = Date.now() + within;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`did not come true within ${within} ms: ${isSo.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const texts = (messages: readonly { content: string }[]): string[] => messages.map((message) => message.content);
