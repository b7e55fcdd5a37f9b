import { beforeAll, describe, expect, it } from 'vitest';
import { Chat } from '../../src/protocol/chats.ts';
import { SearchAllPage, SearchPage } from '../../src/protocol/search.ts';
import { type Account, api, expectJson, signUp } from '../support/api.ts';

let ada: Account;
let ben: Account;
let eve: Account;
beforeAll(async () => {
  [ada, ben, eve] = [await signUp(), await signUp(), await signUp()];
});

const group = async (members: Account[]): Promise<string> => {
  const body = { type: 'Group', name: 'Group', members: members.map(({ id }) => id), history: 'all' };
  return (await expectJson(Chat, 201, '/api/chats', { token: ada.token, body })).id;
};
const send = (chat: string, account: Account, content: string) =>
  api(`/api/chats/${chat}/messages`, { token: account.token, body: { content } });
const inOne = (chat: string, account: Account, query: string) =>
  expectJson(SearchPage, 200, `/api/chats/${chat}/search?${query}`, { token: account.token });
const inAll = (account: Account, query: string) =>
  expectJson(SearchAllPage, 200, `/api/search?${query}`, { token: account.token });
const textsOf = ({ items }: { items: { message: { content: string } }[] }) => items.map((hit) => hit.message.content);

describe('search over REST', () => {
  it('in one conversation: for members, and for nobody else', async () => {
    const chat = await group([ben]);
    await send(chat, ada, 'the zebra crossing');
    const page = await inOne(chat, ben, 'q=Zebra');
    expect(page).toMatchObject({ next_cursor: null, complete: true });
    expect(page.items).toMatchObject([{ snippet: 'the zebra crossing', highlights: [[4, 9]] }]);
    expect((await api(`/api/chats/${chat}/search?q=zebra`, { token: eve.token })).status).toBe(404);
    await api(`/api/chats/${chat}/members/${ben.id}`, { method: 'DELETE', token: ada.token });
    expect((await api(`/api/chats/${chat}/search?q=zebra`, { token: ben.token })).status).toBe(404);
    expect(textsOf(await inAll(ben, 'q=zebra'))).toEqual([]);
  });

  it('in all conversations: the newest first, page by page, each once', async () => {
    const chats = [await group([ben]), await group([ben]), await group([])];
    const sent: string[] = [];
    for (let i = 0; i < 12; i++) {
      const text = `walrus ${i}`;
      await send(chats[i % 3] ?? '', ada, text);
      sent.unshift(text);
    }
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 6; pages++) {
      const page = await inAll(ada, `q=walrus&limit=5${cursor}`);
      expect(page.unreached).toEqual([]);
      seen.push(...textsOf(page));
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(seen).toEqual(sent);
    expect(textsOf(await inAll(ben, 'q=walrus'))).toEqual(sent.filter((_, i) => (11 - i) % 3 !== 2));
    expect(textsOf(await inAll(ada, `q=walrus&chats=${chats[2]}`))).toEqual(sent.filter((_, i) => (11 - i) % 3 === 2));
    // Naming a conversation gives no right to read it.
    expect(textsOf(await inAll(eve, `q=walrus&chats=${chats.join(',')}`))).toEqual([]);
    expect(textsOf(await inAll(ben, `q=walrus&chats=${chats[2]}`))).toEqual([]);
  });

  it.each([
    '',
    'q=',
    'q=%20',
    `q=${'x'.repeat(257)}`,
    'q=x&limit=0',
    'q=x&since=yesterday',
    'q=x&kind=nonsense',
    'q=x&what=y',
  ])('refuses %j', async (query) => {
    expect((await api(`/api/search?${query}`, { token: ada.token })).status).toBe(422);
  });

  it('takes whatever a person may type', async () => {
    const chat = await group([]);
    await send(chat, ada, 'a plain text');
    for (const q of [
      '"',
      '"" OR 1',
      "'; DROP TABLE search; --",
      'NEAR(a b)',
      '*',
      '-',
      '^a',
      'words:a',
      '\u0000',
      '🙂',
      '(((',
    ]) {
      const answer = await api(`/api/chats/${chat}/search?q=${encodeURIComponent(q)}`, { token: ada.token });
      expect([q, answer.status]).toEqual([q, 200]);
    }
  });
});
