import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkerOptions } from 'miniflare';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { Fault, messageOf } from './fault.ts';

const Bindings = z.strictObject({
  name: z.string(),
  main: z.string(),
  compatibility_date: z.string(),
  compatibility_flags: z.array(z.string()).default([]),
  vars: z.record(z.string(), z.string()).default({}),
  assets: z.strictObject({
    directory: z.string(),
    binding: z.string().optional(),
    run_worker_first: z.union([z.boolean(), z.array(z.string())]).default(false),
    not_found_handling: z.enum(['single-page-application', '404-page', 'none']).optional(),
    html_handling: z.enum(['auto-trailing-slash', 'force-trailing-slash', 'drop-trailing-slash', 'none']).optional(),
  }),
  d1_databases: z
    .array(
      z.strictObject({
        binding: z.string(),
        database_name: z.string(),
        database_id: z.string(),
        migrations_dir: z.string().default('migrations'),
      }),
    )
    .default([]),
  durable_objects: z
    .strictObject({ bindings: z.array(z.strictObject({ name: z.string(), class_name: z.string() })) })
    .default({ bindings: [] }),
  migrations: z.array(z.strictObject({ tag: z.string(), new_sqlite_classes: z.array(z.string()) })).default([]),
  r2_buckets: z.array(z.strictObject({ binding: z.string(), bucket_name: z.string() })).default([]),
  queues: z
    .strictObject({
      producers: z
        .array(z.strictObject({ binding: z.string(), queue: z.string(), delivery_delay: z.number().optional() }))
        .default([]),
      consumers: z
        .array(
          z.strictObject({
            queue: z.string(),
            max_batch_size: z.number().optional(),
            max_batch_timeout: z.number().optional(),
            max_retries: z.number().optional(),
            retry_delay: z.number().optional(),
            dead_letter_queue: z.string().optional(),
            max_concurrency: z.number().optional(),
          }),
        )
        .default([]),
    })
    .default({ producers: [], consumers: [] }),
  ratelimits: z
    .array(
      z.strictObject({
        name: z.string(),
        namespace_id: z.string(),
        simple: z.strictObject({ limit: z.number(), period: z.literal([10, 60]) }),
      }),
    )
    .default([]),
  triggers: z
    .strictObject({
      crons: z.array(z.literal('* * * * *', 'the local server runs crons of every minute only: "* * * * *"')),
    })
    .default({ crons: [] }),
  secrets: z.strictObject({ required: z.array(z.string()) }).default({ required: [] }),
  keep_names: z.literal(false, 'the local server keeps no names: false').optional(),
  // Of no meaning to the local server.
  $schema: z.unknown().optional(),
  env: z.unknown().optional(),
  rules: z.unknown().optional(),
  observability: z.unknown().optional(),
  workers_dev: z.unknown().optional(),
  preview_urls: z.unknown().optional(),
  upload_source_maps: z.unknown().optional(),
});
export type ConfigFile = z.infer<typeof Bindings>;

/**
 * The top level of wrangler.toml: the one list of bindings, for Cloudflare and for the local server. A key that the local
 * server does not know is refused, so that a new binding is never silently absent here.
 */
export async function readConfigFile(root: string): Promise<ConfigFile> {
  const path = join(root, 'wrangler.toml');
  let value: unknown;
  try {
    value = parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Fault(`${path}: ${messageOf(error).split('\n')[0]}`);
  }
  const parsed = Bindings.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Fault(`wrangler.toml: ${issue?.path.join('.') || 'top level'}: ${issue?.message}`);
  }
  return parsed.data;
}

/** Whose a path is, by `run_worker_first`: the Worker's alone, unless a rule that begins with `!` says otherwise. */
export function workerFirst({ assets: { run_worker_first: first } }: ConfigFile): { worker: string[]; site: string[] } {
  const rules = Array.isArray(first) ? first : first ? ['*'] : [];
  return {
    worker: rules.filter((rule) => !rule.startsWith('!')),
    site: rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1)),
  };
}

/** The file's bindings as Miniflare takes them. `secrets` and `overrides` win over [vars]. */
export function workerOptions(
  file: ConfigFile,
  given: { root: string; values: Record<string, string>; modules: WorkerModules },
): WorkerOptions {
  const sqlite = new Set(file.migrations.flatMap((migration) => migration.new_sqlite_classes));
  const first = file.assets.run_worker_first;
  const { worker, site } = workerFirst(file);
  return {
    name: file.name,
    ...given.modules,
    compatibilityDate: file.compatibility_date,
    compatibilityFlags: file.compatibility_flags,
    bindings: { ...file.vars, ...given.values },
    d1Databases: Object.fromEntries(file.d1_databases.map((d1) => [d1.binding, d1.database_id])),
    durableObjects: Object.fromEntries(
      file.durable_objects.bindings.map(({ name, class_name }) => [
        name,
        { className: class_name, useSQLite: sqlite.has(class_name) },
      ]),
    ),
    r2Buckets: Object.fromEntries(file.r2_buckets.map((r2) => [r2.binding, r2.bucket_name])),
    queueProducers: Object.fromEntries(
      file.queues.producers.map(({ binding, queue, delivery_delay }) => [
        binding,
        { queueName: queue, ...(delivery_delay === undefined ? {} : { deliveryDelay: delivery_delay }) },
      ]),
    ),
    queueConsumers: Object.fromEntries(
      file.queues.consumers.map((consumer) => [
        consumer.queue,
        {
          ...(consumer.max_batch_size === undefined ? {} : { maxBatchSize: consumer.max_batch_size }),
          ...(consumer.max_batch_timeout === undefined ? {} : { maxBatchTimeout: consumer.max_batch_timeout }),
          ...(consumer.max_retries === undefined ? {} : { maxRetries: consumer.max_retries }),
          ...(consumer.retry_delay === undefined ? {} : { retryDelay: consumer.retry_delay }),
          ...(consumer.dead_letter_queue === undefined ? {} : { deadLetterQueue: consumer.dead_letter_queue }),
        },
      ]),
    ),
    ratelimits: Object.fromEntries(
      file.ratelimits.map(({ name, namespace_id, simple }) => [name, { namespace_id, simple }]),
    ),
    assets: {
      directory: join(given.root, file.assets.directory),
      ...(file.assets.binding === undefined ? {} : { binding: file.assets.binding }),
      routerConfig: {
        has_user_worker: true,
        invoke_user_worker_ahead_of_assets: first === true,
        ...(Array.isArray(first) ? { static_routing: { user_worker: worker, asset_worker: site } } : {}),
      },
      assetConfig: {
        ...(file.assets.not_found_handling === undefined ? {} : { not_found_handling: file.assets.not_found_handling }),
        ...(file.assets.html_handling === undefined ? {} : { html_handling: file.assets.html_handling }),
      },
    },
  };
}

/** The built Worker, as `build()` gives it. */
export interface WorkerModules {
  modulesRoot: string;
  modules: { type: 'ESModule' | 'CompiledWasm'; path: string }[];
}
