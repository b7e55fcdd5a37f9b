/** The load generator: a process of its own, so that its CPU is its own. Started by main.ts. */
import { errorsSeen } from './lib/connection.ts';
import type { FromGenerator, ToGenerator } from './lib/ipc.ts';
import { messageOf } from './lib/text.ts';
import { BarePeer } from './peers/bare.ts';
import type { Peer, Target } from './peers/peer.ts';
import { TidelinePeer } from './peers/tideline.ts';
import { WORKLOADS } from './workloads/index.ts';
import type { Bench } from './workloads/workload.ts';

const tell = (message: FromGenerator) => {
  process.send?.(message);
};
const log = (line: string) => tell({ t: 'log', line });
let restarted: ((target: Target) => void) | undefined;

process.on('message', (message: ToGenerator) => {
  if (message.t === 'restarted') restarted?.(message.target);
  else void run(message);
});
process.on('disconnect', () => process.exit(1));

async function run({ targets, settings, workloads }: Extract<ToGenerator, { t: 'start' }>): Promise<void> {
  const peers: Peer[] = targets.map((target) =>
    target.name === 'tideline' ? new TidelinePeer(target, settings.confirmBytes, log) : new BarePeer(target),
  );
  const bench: Bench = {
    settings,
    peers,
    tideline: peers.find((peer) => peer instanceof TidelinePeer),
    log,
    async restart(peer) {
      const target = await new Promise<Target>((resolve) => {
        restarted = resolve;
        tell({ t: 'restart', peer: peer.target.name });
      });
      peer.moved(target);
    },
  };
  for (const name of workloads) {
    try {
      const workload = WORKLOADS[name];
      if (workload === undefined) throw new Error(`there is no workload ${name}`);
      tell({ t: 'series', series: await workload(bench) });
    } catch (error) {
      tell({ t: 'failed', workload: name, message: messageOf(error) });
    }
    const { http } = bench.tideline ?? {};
    if (http && http.resent > 0) log(`${name}: ${http.resent} requests sent again: their kept connection was closed`);
    if (http) http.resent = 0;
    for (const error of errorsSeen.splice(0)) log(`an error frame in ${name}: ${error}`);
  }
  for (const peer of peers) peer.close();
  tell({ t: 'done' });
}
