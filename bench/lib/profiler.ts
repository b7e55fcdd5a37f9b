import type { Target } from '../peers/peer.ts';

/** The parts of the V8 inspector's protocol that a CPU profile needs. */
interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
}
interface CpuProfile {
  nodes: ProfileNode[];
  samples: number[];
  timeDeltas: number[];
}
interface Reply {
  id?: number;
  result?: { profile?: CpuProfile };
  error?: { message: string };
}

const SAMPLE_US = 200;
const LINES = 45;

/** A connection to the inspector of the Worker, which Miniflare has beside Workers of its own. */
class Profiler {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>();
  #calls = 0;

  static async connect(port: number): Promise<Profiler> {
    const answer = await fetch(`http://127.0.0.1:${port}/json`);
    const targets = (await answer.json()) as { id: string; webSocketDebuggerUrl: string }[];
    const target = targets.find(({ id }) => id.startsWith('core:user:'));
    if (target === undefined) throw new Error(`the inspector knows ${targets.map(({ id }) => id).join(', ')}`);
    const socket = new WebSocket(target.webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error('the inspector refused the connection')), { once: true });
    });
    return new Profiler(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const reply = JSON.parse(String(data)) as Reply;
      const waiting = reply.id === undefined ? undefined : this.#waiting.get(reply.id);
      if (reply.id === undefined || waiting === undefined) return;
      this.#waiting.delete(reply.id);
      if (reply.error) waiting.reject(new Error(reply.error.message));
      else waiting.resolve(reply);
    });
  }

  #call(method: string, params: object = {}): Promise<Reply> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  async start(): Promise<void> {
    await this.#call('Profiler.enable');
    await this.#call('Profiler.setSamplingInterval', { interval: SAMPLE_US });
    await this.#call('Profiler.start');
  }

  async stop(): Promise<CpuProfile> {
    const { result } = await this.#call('Profiler.stop');
    if (result?.profile === undefined) throw new Error('the inspector gave no profile');
    return result.profile;
  }

  close(): void {
    this.#socket.close();
  }
}

/** Where the time went: functions by their own share of the samples, and by the share that they and what they call have. */
function summarizeProfile({ nodes, samples, timeDeltas }: CpuProfile): string[] {
  const own = new Map<number, number>();
  samples.forEach((id, index) => {
    own.set(id, (own.get(id) ?? 0) + Math.max(0, timeDeltas[index] ?? 0));
  });
  const total = [...own.values()].reduce((sum, us) => sum + us, 0);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const selfOf = new Map<string, number>();
  const totalOf = new Map<string, number>();
  const nameOf = ({ callFrame }: ProfileNode) =>
    `${callFrame.functionName || '(anonymous)'}:${callFrame.lineNumber + 1}`;
  const visit = (node: ProfileNode, open: readonly string[]): number => {
    const name = nameOf(node);
    const self = own.get(node.id) ?? 0;
    const nested = open.includes(name);
    const inner = nested ? open : [...open, name];
    const all = (node.children ?? []).reduce((sum, child) => {
      const found = byId.get(child);
      return found ? sum + visit(found, inner) : sum;
    }, self);
    selfOf.set(name, (selfOf.get(name) ?? 0) + self);
    if (!nested) totalOf.set(name, (totalOf.get(name) ?? 0) + all);
    return all;
  };
  const root = nodes[0];
  if (root) visit(root, []);
  const share = (us: number) => `${((us / total) * 100).toFixed(1).padStart(5)} %`;
  return [...totalOf]
    .sort((a, b) => (selfOf.get(b[0]) ?? 0) - (selfOf.get(a[0]) ?? 0) || b[1] - a[1])
    .slice(0, LINES)
    .map(([name, all]) => `${share(selfOf.get(name) ?? 0)} own ${share(all)} with callees  ${name}`);
}

/** Profiles the server, if it runs with an inspector, until the returned function is called, and logs the summary. */
export async function profile(target: Target, what: string, log: (line: string) => void): Promise<() => Promise<void>> {
  if (target.inspectorPort === undefined) return () => Promise.resolve();
  const profiler = await Profiler.connect(target.inspectorPort);
  await profiler.start();
  return async () => {
    const lines = summarizeProfile(await profiler.stop());
    profiler.close();
    log([`${target.name}, ${what}, CPU profile:`, ...lines].join('\n  '));
  };
}
