import { randomFillSync } from 'node:crypto';
import { request } from 'node:http';
import { cpuMs, residentBytes } from '../lib/process.ts';
import type { Peer, Target } from '../peers/peer.ts';
import type { TidelinePeer } from '../peers/tideline.ts';
import { type Bench, type Figures, Results, type Series } from './workload.ts';

const MB = 1_000_000;
const PART = 8 * 1024 * 1024;
/** Milliseconds between two looks at the server's memory. */
const SAMPLE_MS = 10;

interface Sent {
  method: string;
  path: string;
  token?: string;
  content?: Buffer;
}

/** A request on a connection of its own; the answer's bytes are counted, and kept when they are JSON. */
function exchange(target: Target, { method, path, token, content }: Sent): Promise<{ bytes: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(content === undefined ? {} : { 'content-length': content.byteLength }),
    };
    const outgoing = request(
      { host: '127.0.0.1', port: target.port, method, path, headers, agent: false },
      (incoming) => {
        const isJson = incoming.headers['content-type']?.includes('json') === true;
        let bytes = 0;
        let text = '';
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.byteLength;
          if (isJson) text += chunk.toString();
        });
        incoming.on('error', reject);
        incoming.on('end', () => {
          if ((incoming.statusCode ?? 500) < 300) resolve({ bytes, text });
          else reject(new Error(`${method} ${path} answered ${incoming.statusCode}: ${text.slice(0, 300)}`));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(content);
  });
}

/** What the server takes while so many bytes pass. */
async function measure(peer: Peer, bytes: number, work: () => Promise<void>): Promise<Figures> {
  const { pid } = peer.target;
  const memory = residentBytes(pid);
  let peak = memory;
  const sampling = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid));
  }, SAMPLE_MS);
  const cpu = cpuMs(pid);
  const start = performance.now();
  try {
    await work();
  } finally {
    clearInterval(sampling);
  }
  const seconds = (performance.now() - start) / 1000;
  return {
    transferRate: bytes / MB / seconds,
    grownMb: (peak - memory) / MB,
    serverCpuPerMegabyte: (cpuMs(pid) - cpu) / (bytes / MB),
  };
}

/** FILES: one large file at a time through the Worker, beside a Worker that puts the body into R2 and does nothing else. */
export async function files(bench: Bench): Promise<Series[]> {
  const results = new Results('FILES');
  const megabytes = bench.settings.quick ? 20 : 100;
  const content = Buffer.alloc(megabytes * MB);
  for (let run = 1; run <= bench.settings.runs; run++) {
    for (const peer of bench.peers) {
      // Another content each time: a content that is there already is not kept again.
      randomFillSync(content);
      if (peer === bench.tideline) await ofTideline(bench.tideline, content, megabytes, results);
      else {
        const path = `/files/${run}`;
        const plain = () => exchange(peer.target, { method: 'PUT', path, content }).then(() => undefined);
        results.add(
          `${megabytes} MB up, in one request`,
          peer.target.name,
          await measure(peer, content.byteLength, plain),
        );
      }
    }
  }
  return results.all;
}

async function ofTideline(peer: TidelinePeer, content: Buffer, megabytes: number, results: Results): Promise<void> {
  await peer.prepareUsers(1);
  const { token } = peer.account(0);
  const { target } = peer;
  let id = '';
  const atOnce = async () => {
    const answer = await exchange(target, { method: 'POST', path: '/api/uploads?name=bench', token, content });
    id = (JSON.parse(answer.text) as { id: string }).id;
  };
  results.add(`${megabytes} MB up, in one request`, 'tideline', await measure(peer, content.byteLength, atOnce));

  const down = async () => {
    const { bytes } = await exchange(target, { method: 'GET', path: `/api/files/${id}/content`, token });
    if (bytes !== content.byteLength) throw new Error(`${bytes} bytes came back`);
  };
  results.add(`${megabytes} MB down`, 'tideline', await measure(peer, content.byteLength, down));

  randomFillSync(content);
  const inParts = async () => {
    const body = { name: 'bench', size: content.byteLength };
    const upload = await peer.http.json<{ id: string; part_count: number }>([201], 'POST', '/api/files', token, body);
    for (let number = 1; number <= upload.part_count; number++) {
      const part = content.subarray((number - 1) * PART, number * PART);
      await exchange(target, { method: 'PUT', path: `/api/files/${upload.id}/parts/${number}`, token, content: part });
    }
    await peer.http.json([200], 'POST', `/api/files/${upload.id}/complete`, token);
  };
  results.add(`${megabytes} MB up, in parts`, 'tideline', await measure(peer, content.byteLength, inParts));
}
