import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { RESUME_TTL, signResume } from '../../src/auth/tokens.ts';
import { configOf } from '../../src/config.ts';
import { Chat } from '../../src/protocol/chats.ts';
import { api, expectJson, signUp } from '../support/api.ts';
import { openSocket } from '../support/socket.ts';

const resumeOf = async (token: string) => {
  const socket = await openSocket('/api/ws', token);
  const frame = await socket.next('resume');
  socket.close();
  return frame;
};

describe('a resume token', () => {
  test('is handed to a device with a slot inside the window', async () => {
    const { token } = await signUp();
    const frame = await resumeOf(token);
    expect(frame.slot_ms).toBeGreaterThanOrEqual(0);
    expect(frame.slot_ms).toBeLessThan(configOf(env).reconnectWindow);
    expect(Date.parse(frame.expires_at)).toBeGreaterThan(Date.now() + (RESUME_TTL - 60) * 1000);
    expect((await resumeOf(token)).slot_ms).toBe(frame.slot_ms);
  });

  test('opens the inbox and a conversation', async () => {
    const { token } = await signUp();
    const { id } = await expectJson(Chat, 201, '/api/chats', { token, body: { type: 'Group', name: 'g' } });
    const resume = await resumeOf(token);
    await (await openSocket('/api/ws', resume.token)).next('inbox');
    await (await openSocket(`/api/chats/${id}/ws`, resume.token)).next('events');
  });

  test('is no access token', async () => {
    const { token } = await signUp();
    const resume = await resumeOf(token);
    expect((await api('/api/users/me', { token: resume.token })).status).toBe(401);
    const body = { refresh_token: resume.token };
    expect((await api('/api/auth/refresh', { method: 'POST', body })).status).toBe(401);
  });

  test('does not beget another one before the socket is renewed with an access token', async () => {
    const { token } = await signUp();
    const resume = await resumeOf(token);
    const socket = await openSocket('/api/ws', resume.token);
    await socket.next('inbox');
    socket.send({ t: 'auth', token: resume.token });
    expect(await socket.next('error')).toMatchObject({ code: 'unauthenticated' });
    expect(socket.pending.map((frame) => frame.t)).not.toContain('resume');
    socket.send({ t: 'auth', token });
    await socket.next('authed');
    await socket.next('resume');
  });

  test('ends with its session', async () => {
    const { token } = await signUp();
    const resume = await resumeOf(token);
    expect((await api('/api/auth/signout', { method: 'POST', token })).status).toBe(204);
    const socket = await openSocket('/api/ws', resume.token);
    expect(await socket.closed).toMatchObject({ code: 4401, reason: 'session_ended' });
  });

  test('ends by itself', async () => {
    const { user } = await signUp();
    const session = { user_id: user.id, session_id: 'ses_01kahq0z9pm3v1x8e6t4w2y7rd' };
    const old = await signResume(configOf(env), session, Date.now() - (RESUME_TTL + 60) * 1000);
    const socket = await openSocket('/api/ws', old.token);
    expect(await socket.closed).toMatchObject({ code: 4401, reason: 'token_expired' });
  });
});
