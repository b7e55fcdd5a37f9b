import { verifyAccess } from '../auth/tokens.ts';
import { systemClock, timestamp } from '../clock.ts';
import { configOf } from '../config.ts';
import type { Connection, Connections } from '../conversation/connections.ts';
import { errorFrame } from '../conversation/exchange.ts';
import { closeReason } from '../inbox/gate.ts';
import { inbox } from '../objects/stubs.ts';

/** A new token for a socket of a conversation: the same user, and a session that the inbox lets through. */
export async function renew(
  env: Env,
  connections: Connections,
  connection: Connection,
  token: string,
  chatId: string,
): Promise<void> {
  const { user_id } = connection.identity;
  const verified = await verifyAccess(configOf(env), token, systemClock());
  if (!verified.ok) return connection.send(errorFrame(verified.refusal));
  if (verified.value.user_id !== user_id) {
    return connection.send(errorFrame({ code: 'unauthenticated', message: 'the token is of another user' }));
  }
  const admitted = await inbox(env, user_id).gate(verified.value, chatId);
  if (!admitted.ok) return connections.end((other) => other === connection, closeReason(admitted.refusal));
  const { session_id } = connection.identity;
  connection.identity = verified.value;
  connection.save();
  if (verified.value.session_id !== session_id) {
    // Had this session ended since the inbox answered, its end would not have found this socket: ask again.
    const still = await inbox(env, user_id).gate(verified.value, chatId);
    if (!still.ok) return connections.end((other) => other === connection, closeReason(still.refusal));
  }
  connection.send(JSON.stringify({ t: 'authed', expires_at: timestamp(verified.value.expires_at) }));
}
