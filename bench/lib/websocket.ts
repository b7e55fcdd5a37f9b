import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { constants, inflateRawSync } from 'node:zlib';

/** One buffer for the reads of every connection: reads are handled one at a time, to their end. */
const INPUT = Buffer.allocUnsafeSlow(512 * 1024);
/** The masking key of every frame of this process. Not zero in any byte, so that the server has to unmask. */
export const MASK = randomBytes(4).map((byte) => byte | 1);
const OUTPUT_BYTES = 32 * 1024;
/** What a compressed message ends with, and leaves out (RFC 7692, section 7.2.2). */
const DEFLATE_END = Buffer.from([0, 0, 0xff, 0xff]);
const CONTINUATION = 0;
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** Bytes from `start` that are known to belong to the frame there: of its header, until that is complete. */
function extent(data: Buffer, start: number, available: number): number {
  if (available < 2) return 2;
  const short = (data[start + 1] ?? 0) & 127;
  if (short < 126) return 2 + short;
  if (short === 126) return available < 4 ? 4 : 4 + data.readUInt16BE(start + 2);
  return available < 10 ? 10 : 10 + data.readUInt32BE(start + 2) * 2 ** 32 + data.readUInt32BE(start + 6);
}

const headerLength = (short: number) => (short < 126 ? 2 : short === 126 ? 4 : 10);

/** A masked frame, ready to be written. */
export function encodeFrame(opcode: number, payload: Uint8Array): Buffer {
  const size = payload.length;
  const header = (size < 126 ? 2 : size < 65_536 ? 4 : 10) + 4;
  const frame = Buffer.allocUnsafeSlow(header + size);
  frame[0] = 0x80 | opcode;
  if (size < 126) frame[1] = 0x80 | size;
  else if (size < 65_536) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(size, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(size, 6);
  }
  frame.set(MASK, header - 4);
  for (let i = 0; i < size; i++) frame[header + i] = (payload[i] ?? 0) ^ (MASK[i & 3] ?? 0);
  return frame;
}

export const encodeText = (text: string): Buffer => encodeFrame(TEXT, Buffer.from(text));

export interface SocketOptions {
  port: number;
  path: string;
  protocols?: string[];
  /** Offers permessage-deflate, as browsers do; each message by itself (RFC 7692). */
  compressed?: boolean | undefined;
  /** A whole text frame lies in `data` from `start` to `end`, until the call returns. */
  onFrame(data: Buffer, start: number, end: number): void;
  onClose(code: number, reason: string): void;
}

/**
 * A WebSocket client that costs as little as possible: one shared read buffer, frames handed over where they lie, and
 * frames written during one turn leave in one write. It speaks to loopback and to a server that it trusts.
 */
export class WebSocketClient {
  bytesIn = 0;
  closed = false;
  readonly #options: SocketOptions;
  readonly #socket: Socket;
  #opened = false;
  #openedBy: { resolve: (client: WebSocketClient) => void; reject: (error: Error) => void } | undefined;
  /** The beginning of a frame whose end has not arrived. */
  #partial = Buffer.alloc(0);
  #partialLength = 0;
  #fragments: Buffer[] = [];
  /** The message that is being read is compressed. */
  #deflated = false;
  #output: Buffer | undefined;
  #outputLength = 0;
  #closeCode = 1006;
  #closeReason = '';

  static open(options: SocketOptions): Promise<WebSocketClient> {
    return new Promise((resolve, reject) => {
      new WebSocketClient(options).#openedBy = { resolve, reject };
    });
  }

  private constructor(options: SocketOptions) {
    this.#options = options;
    const onread = {
      buffer: INPUT,
      callback: (length: number) => {
        this.#read(length);
        return true;
      },
    };
    this.#socket = connect({ host: '127.0.0.1', port: options.port, noDelay: true, onread });
    this.#socket.on('connect', () => {
      const lines = [
        `GET ${options.path} HTTP/1.1`,
        `Host: 127.0.0.1:${options.port}`,
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
        'Sec-WebSocket-Version: 13',
        ...(options.protocols ? [`Sec-WebSocket-Protocol: ${options.protocols.join(', ')}`] : []),
        ...(options.compressed ? ['Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover'] : []),
      ];
      this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
    this.#socket.on('error', (error) => this.#ended(error));
    this.#socket.on('close', () => this.#ended());
  }

  sendText(text: string): void {
    this.write(encodeText(text));
  }

  /** Room for `size` bytes of output; what is put there leaves at the end of this turn. */
  reserve(size: number): { buffer: Buffer; offset: number } {
    if (this.#output === undefined) this.#output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
    if (this.#outputLength + size > OUTPUT_BYTES) this.#flush();
    if (this.#outputLength === 0) process.nextTick(() => this.#flush());
    const offset = this.#outputLength;
    this.#outputLength += size;
    return { buffer: this.#output, offset };
  }

  write(frame: Buffer): void {
    if (frame.length > OUTPUT_BYTES) {
      this.#flush();
      this.#socket.write(frame);
      return;
    }
    const { buffer, offset } = this.reserve(frame.length);
    frame.copy(buffer, offset);
  }

  #flush(): void {
    if (this.#output === undefined || this.#outputLength === 0) return;
    const bytes = Buffer.from(this.#output.subarray(0, this.#outputLength));
    this.#outputLength = 0;
    if (!this.closed) this.#socket.write(bytes);
  }

  close(): void {
    if (this.closed) return;
    this.write(encodeFrame(CLOSE, Buffer.from([0x03, 0xe8])));
    this.#flush();
    this.#socket.end();
    // A server that does not answer the close does not keep this process alive.
    setTimeout(() => this.#socket.destroy(), 2000).unref();
  }

  #ended(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.#output = undefined;
    this.#outputLength = 0;
    this.#openedBy?.reject(error ?? new Error(`closed before it was open: ${this.#options.path}`));
    this.#openedBy = undefined;
    this.#options.onClose(this.#closeCode, this.#closeReason);
  }

  #read(length: number): void {
    this.bytesIn += length;
    let at = this.#opened ? 0 : this.#handshake(length);
    if (at < 0) return;
    while (this.#partialLength > 0) {
      const need = extent(this.#partial, 0, this.#partialLength);
      if (this.#partialLength >= need) {
        const size = this.#partialLength;
        this.#partialLength = 0;
        this.#frame(this.#partial, 0, size);
        break;
      }
      const take = Math.min(need - this.#partialLength, length - at);
      if (take === 0) return;
      this.#keep(at, at + take, need);
      at += take;
    }
    while (at < length && !this.closed) {
      const available = length - at;
      const size = extent(INPUT, at, available);
      if (available < size) {
        this.#keep(at, length, size);
        return;
      }
      this.#frame(INPUT, at, at + size);
      at += size;
    }
  }

  /** Appends INPUT from `start` to `end` to the partial frame, which will be at least `need` bytes long. */
  #keep(start: number, end: number, need: number): void {
    const size = this.#partialLength + end - start;
    if (this.#partial.length < Math.max(size, need)) {
      const grown = Buffer.allocUnsafeSlow(Math.max(1024, 2 ** Math.ceil(Math.log2(Math.max(size, need)))));
      this.#partial.copy(grown, 0, 0, this.#partialLength);
      this.#partial = grown;
    }
    INPUT.copy(this.#partial, this.#partialLength, start, end);
    this.#partialLength = size;
  }

  /** Where the first frame begins in INPUT, or -1 when the answer to the upgrade is not all there or is a refusal. */
  #handshake(length: number): number {
    const before = this.#partialLength;
    this.#keep(0, length, length);
    const text = this.#partial.toString('latin1', 0, this.#partialLength);
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return -1;
    this.#partialLength = 0;
    if (!text.startsWith('HTTP/1.1 101')) {
      this.#openedBy?.reject(new Error(`upgrade of ${this.#options.path} refused: ${text.slice(0, 400)}`));
      this.#openedBy = undefined;
      this.#socket.destroy();
      return -1;
    }
    this.#opened = true;
    this.#openedBy?.resolve(this);
    this.#openedBy = undefined;
    return end + 4 - before;
  }

  #frame(data: Buffer, start: number, end: number): void {
    const first = data[start] ?? 0;
    const opcode = first & 15;
    const payload = start + headerLength((data[start + 1] ?? 0) & 127);
    if (opcode < CLOSE) {
      if (opcode !== CONTINUATION) this.#deflated = (first & 0x40) > 0;
      if (first & 0x80 && this.#fragments.length === 0) {
        this.#message(data, payload, end);
        return;
      }
      this.#fragments.push(Buffer.from(data.subarray(payload, end)));
      if (first & 0x80) {
        const whole = Buffer.concat(this.#fragments);
        this.#fragments = [];
        this.#message(whole, 0, whole.length);
      }
    } else if (opcode === PING) {
      this.write(encodeFrame(PONG, data.subarray(payload, end)));
    } else if (opcode === CLOSE) {
      if (end - payload >= 2) {
        this.#closeCode = data.readUInt16BE(payload);
        this.#closeReason = data.toString('utf8', payload + 2, end);
      }
      this.#socket.end();
    }
  }

  #message(data: Buffer, start: number, end: number): void {
    if (!this.#deflated) {
      this.#options.onFrame(data, start, end);
      return;
    }
    const deflated = Buffer.concat([data.subarray(start, end), DEFLATE_END]);
    const text = inflateRawSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH });
    this.#options.onFrame(text, 0, text.length);
  }
}
