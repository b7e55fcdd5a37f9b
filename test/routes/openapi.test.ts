import { expect, it } from 'vitest';
import { api } from '../support/api.ts';

it('the document is the one in docs/, which is linted', async () => {
  const { status, body } = await api('/openapi.json');
  expect(status).toBe(200);
  await expect(`${JSON.stringify(body, null, 2)}\n`).toMatchFileSnapshot('../../docs/openapi.json');
});
