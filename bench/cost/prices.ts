/** What the platform meters. Amounts are for a month. */
export type Meter =
  | 'worker_requests'
  | 'worker_cpu_ms'
  | 'object_requests'
  | 'object_gb_s'
  | 'object_rows_read'
  | 'object_rows_written'
  | 'object_stored_gb'
  | 'd1_rows_read'
  | 'd1_rows_written'
  | 'd1_stored_gb'
  | 'queue_operations'
  | 'r2_class_a'
  | 'r2_class_b'
  | 'r2_stored_gb'
  | 'log_ingested_gb'
  | 'log_stored_gb';

export interface Price {
  label: string;
  /** Dollars for `per` units. */
  dollars: number;
  per: number;
  /** Units in a month that the plan includes. */
  included: number;
  source: keyof typeof SOURCES;
}

/** Pages of https://developers.cloudflare.com, as they stood on `PRICE_LIST.date`. */
export const SOURCES = {
  workers: '/workers/platform/pricing/',
  objects: '/durable-objects/platform/pricing/',
  d1: '/d1/platform/pricing/',
  queues: '/queues/platform/pricing/',
  r2: '/r2/pricing/',
  observability: '/observability/pricing/',
} as const;

const MILLION = 1_000_000;

/**
 * The paid plan's list prices in US dollars. Logs are at the prices that hold from 2026-12-01 on. Requests are not rounded up to
 * whole millions, as some of the platform's own examples do.
 */
export const PRICE_LIST: { date: string; plan: number; prices: Record<Meter, Price> } = {
  date: '2026-11-21',
  /** Dollars a month, whatever is used. */
  plan: 5,
  prices: {
    worker_requests: {
      label: 'Worker: requests',
      dollars: 0.3,
      per: MILLION,
      included: 10 * MILLION,
      source: 'workers',
    },
    worker_cpu_ms: { label: 'Worker: CPU ms', dollars: 0.02, per: MILLION, included: 30 * MILLION, source: 'workers' },
    // Calls, upgrades and alarms are a request each; messages on sockets count a twentieth, outgoing ones nothing.
    object_requests: { label: 'objects: requests', dollars: 0.15, per: MILLION, included: MILLION, source: 'objects' },
    object_gb_s: {
      label: 'objects: GB-s awake',
      dollars: 12.5,
      per: MILLION,
      included: 400_000,
      source: 'objects',
    },
    object_rows_read: {
      label: 'objects: rows read',
      dollars: 0.001,
      per: MILLION,
      included: 25_000 * MILLION,
      source: 'objects',
    },
    // Each index entry, each delete and each alarm set is a row.
    object_rows_written: {
      label: 'objects: rows written',
      dollars: 1,
      per: MILLION,
      included: 50 * MILLION,
      source: 'objects',
    },
    object_stored_gb: { label: 'objects: GB stored', dollars: 0.2, per: 1, included: 5, source: 'objects' },
    d1_rows_read: { label: 'D1: rows read', dollars: 0.001, per: MILLION, included: 25_000 * MILLION, source: 'd1' },
    d1_rows_written: { label: 'D1: rows written', dollars: 1, per: MILLION, included: 50 * MILLION, source: 'd1' },
    d1_stored_gb: { label: 'D1: GB stored', dollars: 0.75, per: 1, included: 5, source: 'd1' },
    queue_operations: { label: 'Queues: operations', dollars: 0.4, per: MILLION, included: MILLION, source: 'queues' },
    r2_class_a: { label: 'R2: writes', dollars: 4.5, per: MILLION, included: MILLION, source: 'r2' },
    r2_class_b: { label: 'R2: reads', dollars: 0.36, per: MILLION, included: 10 * MILLION, source: 'r2' },
    r2_stored_gb: { label: 'R2: GB stored', dollars: 0.015, per: 1, included: 10, source: 'r2' },
    log_ingested_gb: { label: 'logs: GB ingested', dollars: 0.25, per: 1, included: 50, source: 'observability' },
    log_stored_gb: { label: 'logs: GB-months stored', dollars: 0.1, per: 1, included: 12, source: 'observability' },
  },
};

export const METERS = Object.keys(PRICE_LIST.prices) as Meter[];
