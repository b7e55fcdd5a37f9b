import { expect, it } from 'vitest';
import { group, person } from '../support/people.ts';

it('a device subscribes with the key of the server, and says when it wants to be left alone', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  const { client } = ada;
  expect(await client.push.key()).toMatch(/^B[\w-]{86}$/);
  const keys = { p256dh: `B${'A'.repeat(86)}`, auth: 'A'.repeat(22) };
  const subscription = await client.push.subscribe({ endpoint: 'https://web.push.apple.com/one', keys });
  expect(subscription).toMatchObject({ service: 'web.push.apple.com' });
  await expect(client.push.subscribe({ endpoint: 'https://example.com/one', keys })).rejects.toMatchObject({
    code: 'invalid',
  });
  expect(await client.push.subscriptions()).toEqual([subscription]);
  await client.push.unsubscribe(subscription.id);
  expect(await client.push.subscriptions()).toEqual([]);
  const settings = { quiet_hours: { from: '22:00', to: '07:00', time_zone: 'Europe/Berlin' } };
  await client.push.configure(settings);
  expect(await client.push.settings()).toEqual(settings);
  const chat = await group(ada, bob);
  expect(await client.chat(chat).prefer({ notify: 'mentions' })).toMatchObject({ notify: 'mentions' });
});
