/** What an operator may bind to have mail sent; see docs/OPERATIONS.md. Without either nothing is sent. */
interface Env {
  /** Cloudflare's binding (`[[send_email]]`). */
  MAIL?: SendEmail;
  /** `smtps://user:password@host` (port 465), or `smtp://host:port` to a relay of one's own. */
  SMTP_URL?: string;
  /** `Name <address>` of the sender. */
  MAIL_FROM?: string;
}

/** The parts of Node's sockets that carry SMTP. */
declare module 'node:net' {
  export function connect(options: { host: string; port: number }, connected: () => void): NodeSocket;
}
declare module 'node:tls' {
  export function connect(options: { host: string; port: number }, connected: () => void): NodeSocket;
}
interface NodeSocket {
  once(event: 'error', listener: (error: Error) => void): void;
  off(event: 'error', listener: (error: Error) => void): void;
  setMaxListeners(count: number): void;
}
