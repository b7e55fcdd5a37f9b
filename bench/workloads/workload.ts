import type { Metric } from '../lib/metrics.ts';
import type { Usage } from '../lib/process.ts';
import type { Peer, PeerName } from '../peers/peer.ts';
import type { TidelinePeer } from '../peers/tideline.ts';

export type Figures = Partial<Record<Metric, number>>;

/** The runs of one case of a workload against one server. */
export interface Series {
  workload: string;
  title: string;
  peer: PeerName;
  runs: Figures[];
}

export interface Settings {
  runs: number;
  sizes: number[];
  /** Shorter windows and smaller counts: to see that everything works, not to quote. */
  quick: boolean;
  /** Bytes of events after which a client confirms what it got. */
  confirmBytes: number;
}

/** What a workload is given. */
export interface Bench {
  settings: Settings;
  peers: Peer[];
  /** The peer that has users, inboxes and sync, when it takes part. */
  tideline: TidelinePeer | undefined;
  log(line: string): void;
  /** Stops the server and starts it again on the same state. */
  restart(peer: Peer): Promise<void>;
}

export type Workload = (bench: Bench) => Promise<Series[]>;

/** A list of series by case and peer, filled run by run. */
export class Results {
  readonly #workload: string;
  readonly #series: Series[] = [];

  constructor(workload: string) {
    this.#workload = workload;
  }

  add(title: string, peer: PeerName, figures: Figures): void {
    let series = this.#series.find((one) => one.title === title && one.peer === peer);
    if (series === undefined) {
      series = { workload: this.#workload, title, peer, runs: [] };
      this.#series.push(series);
    }
    series.runs.push(figures);
  }

  get all(): Series[] {
    return this.#series;
  }
}

/** Where the CPU went, for `count` deliveries (or calls). */
export const usageFigures = (usage: Usage, count: number): Figures => ({
  serverCpuPerThousand: (usage.serverCpuMs / count) * 1000,
  serverCores: usage.serverCores,
  generatorCores: usage.generatorCores,
  generatorLoop: usage.generatorLoop,
  otherCores: usage.otherCores,
});
