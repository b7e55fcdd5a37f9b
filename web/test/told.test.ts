import { describe, expect, it } from 'vitest';
import { toldBy } from '../sw/told.ts';

const pushed = (fields: object) => ({ json: () => ({ type: 'message', chat_id: 'chat_1', unread: 1, ...fields }) });

describe('what is told of a push', () => {
  it('of a Single begins with who wrote', () => {
    expect(toldBy(pushed({ chat_name: null, sender_name: 'Ada', preview: 'High water', unread: 3 }))).toEqual({
      title: 'Ada (3)',
      body: 'High water',
      tag: 'chat_1',
      path: '/c/chat_1',
    });
  });

  it('of another conversation begins with its name, and says who wrote', () => {
    const told = toldBy(pushed({ chat_name: 'Tide tables', sender_name: 'Ada', preview: 'High water' }));
    expect([told.title, told.body]).toEqual(['Tide tables', 'Ada: High water']);
  });

  it('without a text, a name or a conversation makes none up', () => {
    expect(toldBy(pushed({ chat_name: null, sender_name: 'Ada', preview: '' })).body).toBe('…');
    expect(toldBy(pushed({ chat_name: null, preview: 'High water' })).title).toBe('Tideline');
    expect(toldBy(pushed({ chat_name: 'Tide tables', preview: 'High water' })).body).toBe('High water');
    expect(toldBy(null)).toEqual({ title: 'Tideline', body: '…', tag: 'tideline', path: '/' });
    const broken = {
      json: () => {
        throw new SyntaxError('no JSON');
      },
    };
    expect(toldBy(broken).title).toBe('Tideline');
    expect(toldBy({ json: () => ({ chat_id: 7, chat_name: {}, preview: [], unread: 'many' }) }).title).toBe('Tideline');
  });
});
