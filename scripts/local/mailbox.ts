import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { writePrivate } from './secrets.ts';

export interface Mailbox {
  /** For SMTP_URL. */
  url: string;
  close(): Promise<void>;
}

/** A mail that says more is not one of ours. Bytes. */
const MAX_SIZE = 1024 * 1024;

/**
 * A mail server on loopback that sends nothing on: each mail becomes a file in `folder`, and is printed, so that who tries
 * Tideline out can read what it would have sent.
 */
export async function openMailbox(folder: string, print: (text: string) => void = console.log): Promise<Mailbox> {
  let count = 0;
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    size: MAX_SIZE,
    logger: false,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const mail = Buffer.concat(chunks).toString('latin1');
        count += 1;
        const name = `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${String(count).padStart(4, '0')}.eml`;
        const to = session.envelope.rcptTo.map(({ address }) => address).join(', ');
        keep(folder, name, mail).then(
          () => {
            print(`mail to ${to}: ${join(folder, name)}\n${readable(mail)}`);
            done();
          },
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
        );
      });
    },
  });
  // A connection that breaks is the Worker's to try again.
  server.on('error', () => undefined);
  const port = await new Promise<number>((resolve, reject) => {
    const listening = server.listen(0, '127.0.0.1', () => {
      const address = listening.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
      else reject(new Error('the mailbox has no port'));
    });
    listening.once('error', reject);
  });
  return {
    url: `smtp://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function keep(folder: string, name: string, mail: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writePrivate(join(folder, name), mail);
}

/** Quoted-printable (RFC 2045) as text. */
const unquoted = (body: string): string =>
  Buffer.from(
    body
      .replaceAll('=\r\n', '')
      .replaceAll(/=([0-9A-F]{2})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
    'latin1',
  ).toString('utf8');

/** Subject and text, indented: what one would see of the mail. */
function readable(mail: string): string {
  const end = mail.indexOf('\r\n\r\n');
  const head = mail.slice(0, end);
  const subject = /^subject: (.*)$/im.exec(head)?.[1] ?? '';
  const body = mail.slice(end + 4);
  const text = /^content-transfer-encoding: quoted-printable/im.test(head) ? unquoted(body) : body;
  return [subject, '', ...text.trimEnd().split(/\r?\n/)].map((line) => `  | ${line}`).join('\n');
}
