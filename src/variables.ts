import { z } from 'zod';

/** An Ed25519 private key as JWK. The first one signs; all verify, so that a key can be replaced without a sign-out. */
const SigningKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
  kid: z.string().min(1),
});

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

/** A P-256 private key as JWK. Browsers subscribe by its public half, so it is kept for as long as they are to be reached. */
const VapidKey = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
});

const Variables = z.object({
  ENVIRONMENT: z.enum(['local', 'production']),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .transform((url) => url.replace(/\/$/, '')),
  ALLOWED_ORIGINS: list,
  RECONNECT_WINDOW_MS: z
    .string()
    .regex(/^\d{1,6}$/, 'must be a whole number of milliseconds')
    .transform(Number),
  RATE_LIMITS: z.enum(['on', 'off']).transform((value) => value === 'on'),
  LINK_PREVIEWS: z.enum(['on', 'off']).transform((value) => value === 'on'),
  JWT_KEYS: z
    .string()
    .transform((text, ctx) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        ctx.addIssue('must be JSON: {"keys":[…]}; make it with `npm run keys`');
        return z.NEVER;
      }
    })
    .pipe(z.object({ keys: z.array(SigningKey).min(1) })),
  ADMIN_TOKEN: z.string().min(32, 'must be at least 32 characters; make it with `npm run keys`'),
  // Empty: no mail is sent.
  SMTP_URL: z.preprocess(
    (text) => (text === '' ? undefined : text),
    z
      .url({ protocol: /^smtps?$/, error: 'must be smtps://user:password@host, or smtp://host:port' })
      .transform((text) => new URL(text))
      .refine((url) => url.protocol === 'smtps:' || url.username === '', {
        error: 'must be smtps:// when it carries a password, which smtp:// would send in clear',
      })
      .optional(),
  ),
  VAPID_KEY: z
    .string()
    .transform((text, ctx) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        ctx.addIssue('must be JSON; make it with `npm run keys`');
        return z.NEVER;
      }
    })
    .pipe(VapidKey)
    .optional(),
  MAIL_FROM: z
    .string()
    .regex(/^([^<>\r\n]+ <[^<>\s@]+@[^<>\s@]+>|[^<>\s@]+@[^<>\s@]+)$/, 'must be an address, or Name <address>')
    .optional(),
});

export type SigningKey = z.infer<typeof SigningKey>;
export interface Config {
  environment: 'local' | 'production';
  publicUrl: string;
  allowedOrigins: string[];
  /** Time over which clients spread their reconnects after the server went away, in ms. */
  reconnectWindow: number;
  /** The rates of `protocol/limits.ts` are enforced. */
  rateLimits: boolean;
  /** Pages that messages link to are asked for what they are. */
  linkPreviews: boolean;
  signingKeys: [SigningKey, ...SigningKey[]];
  adminToken: string;
  /** By which push services know this server; null: nothing is pushed. */
  vapid: { subject: string; publicKey: string; privateKey: string } | null;
  mail: {
    from: string;
    /** null: not by SMTP. */
    smtp: { host: string; port: number; secure: boolean; user?: string; password?: string } | null;
  };
}

/** Bad configuration: the message is one line that names the variable and what is wrong with it. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

function smtpOf(url: URL): Config['mail']['smtp'] {
  const secure = url.protocol === 'smtps:';
  return {
    host: url.hostname,
    port: Number(url.port || (secure ? 465 : 25)),
    secure,
    ...(url.username === ''
      ? {}
      : { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }),
  };
}

const bytesOf = (base64url: string): string => atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));

function vapidOf({ x, y, d }: z.infer<typeof VapidKey>, publicUrl: string): Config['vapid'] {
  // An uncompressed point: what browsers want.
  const point = btoa(`\x04${bytesOf(x)}${bytesOf(y)}`);
  return {
    subject: publicUrl.startsWith('https:') ? publicUrl : `mailto:no-reply@${new URL(publicUrl).hostname}`,
    publicKey: point.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
    privateKey: d,
  };
}

export function parseConfig(env: Partial<Record<keyof z.input<typeof Variables>, unknown>>): Config {
  const parsed = Variables.safeParse(env);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = String(issue?.path[0] ?? 'configuration');
    const value = env[name as keyof typeof env];
    throw new ConfigError(
      `configuration: ${name} ${value === undefined ? 'is not set' : (issue?.message ?? 'is not valid')}`,
    );
  }
  const [first, ...rest] = parsed.data.JWT_KEYS.keys;
  if (first === undefined) throw new ConfigError('configuration: JWT_KEYS holds no key');
  return {
    environment: parsed.data.ENVIRONMENT,
    publicUrl: parsed.data.PUBLIC_URL,
    allowedOrigins: parsed.data.ALLOWED_ORIGINS,
    reconnectWindow: parsed.data.RECONNECT_WINDOW_MS,
    rateLimits: parsed.data.RATE_LIMITS,
    linkPreviews: parsed.data.LINK_PREVIEWS,
    signingKeys: [first, ...rest],
    adminToken: parsed.data.ADMIN_TOKEN,
    vapid: parsed.data.VAPID_KEY === undefined ? null : vapidOf(parsed.data.VAPID_KEY, parsed.data.PUBLIC_URL),
    mail: {
      from: parsed.data.MAIL_FROM ?? `Tideline <no-reply@${new URL(parsed.data.PUBLIC_URL).hostname}>`,
      smtp: parsed.data.SMTP_URL === undefined ? null : smtpOf(parsed.data.SMTP_URL),
    },
  };
}
