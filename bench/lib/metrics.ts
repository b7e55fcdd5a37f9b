interface Description {
  label: string;
  /** Decimals that are worth printing. */
  decimals: number;
  /** Whether the ratio to the naive room is worth printing. */
  ratio: boolean;
}

const metric = (label: string, decimals: number, ratio = false): Description => ({ label, decimals, ratio });

/** Every figure that a run may give, in the order in which they are printed. */
export const METRICS = {
  accepted: metric('accepted, msg/s', 0, true),
  deliveries: metric('deliveries/s', 0, true),
  restedDeliveries: metric('deliveries/s before, from a rest on', 0, true),
  ackP50: metric('send→ack p50, ms', 2, true),
  ackP99: metric('send→ack p99, ms', 2, true),
  deliverP50: metric('send→deliver p50, ms', 2, true),
  deliverP99: metric('send→deliver p99, ms', 2, true),
  lastP50: metric('send→last member p50, ms', 2, true),
  lastP99: metric('send→last member p99, ms', 2, true),
  slowestSender: metric('slowest sender, share of fair', 2),
  seconds: metric('time, s', 3, true),
  listSeconds: metric('list right after, s', 3),
  megabytes: metric('received, MB', 2, true),
  roundTrips: metric('round trips', 0),
  messages: metric('messages received', 0),
  connects: metric('connected and synced, per s', 0, true),
  serverCpuPerConnect: metric('server CPU-ms per connect', 2, true),
  idleKb: metric('memory per idle connection, KB', 0, true),
  hibernatedKb: metric('the same after hibernation, KB', 0, true),
  stormSeconds: metric('from the kill until all are back and synced, s', 2),
  stormDown: metric('of it until the server answered, s', 2),
  backP50: metric('back after it answered p50, s', 2),
  backP99: metric('back after it answered p99, s', 2),
  backMax: metric('back after it answered, the last, s', 2),
  stormPeak: metric('sockets opened in the busiest second', 0),
  stormAttempts: metric('attempts to connect, per client', 2),
  stormSyncs: metric('syncs over REST (no D1)', 0),
  databaseRequests: metric('requests to routes that may read D1', 0),
  presenceFrames: metric('presence frames received', 0),
  peakCores: metric('server, cores at the peak', 2),
  peakMb: metric('server, MB at the peak', 0),
  transferRate: metric('transferred, MB/s', 1, true),
  grownMb: metric('server memory grown at the peak, MB', 1),
  serverCpuPerMegabyte: metric('server CPU-ms per MB', 2, true),
  callP50: metric('call p50, ms', 2),
  callP95: metric('call p95, ms', 2),
  callP99: metric('call p99, ms', 2),
  serverCpuPerCall: metric('server CPU-ms per call', 3),
  bytesPerCall: metric('bytes per answer', 0),
  rowsPerCall: metric('rows read per call', 0),
  marks: metric('read marks sent', 0),
  receiptMessages: metric('messages on all sockets that told of them', 0),
  receiptsTold: metric('receipts in them', 0),
  perSocket: metric('messages per socket', 1),
  kilobytesPerThousand: metric('received per 1,000 deliveries, KB', 0, true),
  perFrame: metric('messages per frame', 1),
  fillPerSecond: metric('filled at, msg/s', 0, true),
  diskBytes: metric('bytes on disk per message', 0, true),
  serverCpuPerThousand: metric('server CPU-ms per 1,000 deliveries', 2, true),
  serverCores: metric('server, cores', 2),
  generatorCores: metric('generator, cores', 2),
  generatorLoop: metric('generator loop, share busy', 2),
  otherCores: metric('everything else, cores', 2),
  roomRowsWritten: metric('rows written in the room, per message', 2),
  roomRowsRead: metric('rows read in the room, per message', 1),
  notices: metric('calls to inboxes, per message', 2),
  noticesAllowed: metric('… and at most (online × batches ÷ messages)', 2),
  relayCalls: metric('calls to relays, per message', 2),
  inboxRowsWritten: metric('rows written in inboxes, per message', 2),
  inboxRowsRead: metric('rows read in inboxes, per message', 1),
  roomFrames: metric('frames on room sockets, per message', 2),
  inboxFrames: metric('frames on inbox sockets, per message', 2),
  serverCpuPerMessage: metric('server CPU-ms per message, counting included', 2),
  storedPerMessage: metric('bytes stored in the room, per message', 0),
  missing: metric('messages missing a copy', 0),
  doubled: metric('messages with a copy too many', 0),
  gaps: metric('gaps in the sequence', 0),
  lags: metric('lag hints', 0),
  fetched: metric('events that had to be asked for, times', 0),
  errors: metric('errors and strays', 0),
  dropped: metric('connections lost', 0),
} as const satisfies Record<string, Description>;

export type Metric = keyof typeof METRICS;
export const METRIC_NAMES = Object.keys(METRICS) as Metric[];
/** Figures that must be zero: anything else means that the run does not count. */
export const MUST_BE_ZERO: readonly Metric[] = ['missing', 'doubled', 'gaps', 'errors', 'dropped'];
