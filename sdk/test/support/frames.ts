/** Bytes of one direction of a WebSocket, as frames (RFC 6455), for tests that cut connections in chosen places. */
export interface WireFrame {
  readonly bytes: Buffer;
  /** Content of a text frame; empty for any other. */
  readonly text: string;
}

const TEXT = 1;

/** Takes the frames that are complete; returns the rest. Fragmented messages are not read, as nobody here sends them. */
export function takeFrames(buffer: Buffer): { frames: WireFrame[]; rest: Buffer } {
  const frames: WireFrame[] = [];
  let rest = buffer;
  for (let frame = takeFrame(rest); frame !== undefined; frame = takeFrame(rest)) {
    frames.push(frame);
    rest = rest.subarray(frame.bytes.length);
  }
  return { frames, rest };
}

function takeFrame(buffer: Buffer): WireFrame | undefined {
  if (buffer.length < 2) return undefined;
  const opcode = buffer.readUInt8(0) & 0x0f;
  const second = buffer.readUInt8(1);
  const masked = (second & 0x80) !== 0;
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const header = 2 + lengthBytes + (masked ? 4 : 0);
  if (buffer.length < header) return undefined;
  const length =
    lengthBytes === 0 ? short : lengthBytes === 2 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2));
  if (buffer.length < header + length) return undefined;
  const bytes = buffer.subarray(0, header + length);
  const payload = Buffer.from(bytes.subarray(header));
  if (masked) {
    const key = buffer.subarray(header - 4, header);
    for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (key[i % 4] ?? 0);
  }
  return { bytes, text: opcode === TEXT ? payload.toString('utf8') : '' };
}
