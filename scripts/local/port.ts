import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, Fault, messageOf } from './fault.ts';

/** How long a port may stay busy because the runtime of a server that was killed is still ending. Milliseconds. */
const GRACE = 1_500;

/**
 * The port to listen on, known to be free a moment ago; for port 0 one that the system chose.
 *
 * @throws Fault naming HOST or PORT
 */
export async function freePort(host: string, port: number): Promise<number> {
  const deadline = Date.now() + GRACE;
  for (;;) {
    try {
      return await probe(host, port);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EADDRINUSE') {
        if (Date.now() < deadline) {
          await sleep(100);
          continue;
        }
        throw new Fault(`PORT ${port} is in use on ${host}: stop what listens there, or set PORT to another one`);
      }
      if (code === 'EACCES') throw new Fault(`PORT ${port} needs more rights than this user has: set PORT above 1023`);
      if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
        throw new Fault(`HOST ${host} is not an address of this machine`);
      }
      throw new Fault(`HOST ${host}, PORT ${port}: ${messageOf(error)}`);
    }
  }
}

async function probe(host: string, port: number): Promise<number> {
  const server = createServer();
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : port;
}
