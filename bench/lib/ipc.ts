import type { PeerName, Target } from '../peers/peer.ts';
import type { Series, Settings } from '../workloads/workload.ts';

/** What the main process tells the generator. */
export type ToGenerator =
  | { t: 'start'; workloads: string[]; settings: Settings; targets: Target[] }
  | { t: 'restarted'; target: Target };

/** What the generator tells the main process. */
export type FromGenerator =
  | { t: 'log'; line: string }
  | { t: 'restart'; peer: PeerName }
  | { t: 'series'; series: Series[] }
  | { t: 'failed'; workload: string; message: string }
  | { t: 'done' };
