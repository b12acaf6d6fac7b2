// The frames of the link (PROTOCOL.md): bytes to frames and back, without I/O.

/** The largest value of a frame's length: its kind and its payload. */
export const MAX_FRAME_BYTES = 65_536;
export const CONTROL = 1;
export const RTP = 2;

const LENGTH_BYTES = 4;
const HEADER_BYTES = 5;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What came is no frame; nothing after it can be read. */
export class FrameError extends Error {}

/** @typedef {{type: string, [key: string]: unknown}} Message */
/** @typedef {{kind: 1, message: Message} | {kind: 2, packet: Buffer}} Frame */

/** Cuts a stream of bytes into frames; holds one incomplete frame at most. */
export class FrameReader {
  /** @type {Buffer} */
  #rest = Buffer.alloc(0);
  #failed = false;

  /**
   * The frames that `chunk` completes, in order; the caller takes them all, or never calls again.
   *
   * @param {Buffer} chunk
   * @returns {Generator<Frame, void>} a control frame's message is an object with a `type`; nothing else is checked
   * @throws {FrameError} after the frames before the bad one; every later call throws too
   */
  *push(chunk) {
    if (this.#failed) throw new FrameError('The stream was broken before.');
    let bytes = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk;
    try {
      while (bytes.length >= LENGTH_BYTES) {
        const end = LENGTH_BYTES + frameLength(bytes);
        if (bytes.length > LENGTH_BYTES) checkKind(bytes[LENGTH_BYTES]);
        if (bytes.length < end) break;
        const payload = bytes.subarray(HEADER_BYTES, end);
        const kind = bytes[LENGTH_BYTES];
        bytes = bytes.subarray(end);
        yield kind === CONTROL ? { kind, message: parseMessage(payload) } : { kind: RTP, packet: payload };
      }
    } catch (error) {
      this.#failed = true;
      throw error;
    }
    this.#rest = bytes;
  }
}

/** @param {Buffer} bytes */
function frameLength(bytes) {
  const length = bytes.readUInt32BE(0);
  if (length < 1 || length > MAX_FRAME_BYTES)
    throw new FrameError(`A frame of ${length} bytes: it must be 1 to ${MAX_FRAME_BYTES}.`);
  return length;
}

/** @param {number} kind */
function checkKind(kind) {
  if (kind !== CONTROL && kind !== RTP)
    throw new FrameError(`A frame of kind ${kind}: only ${CONTROL} and ${RTP} are known.`);
}

/** @param {Buffer} payload @returns {Message} */
function parseMessage(payload) {
  let message;
  try {
    message = JSON.parse(utf8.decode(payload));
  } catch {
    throw new FrameError('A control frame is not JSON in UTF-8.');
  }
  if (typeof message !== 'object' || Array.isArray(message) || typeof message?.type !== 'string')
    throw new FrameError('A control frame is not a JSON object with a `type`.');
  return message;
}

/**
 * @param {Message} message
 * @returns {Buffer}
 * @throws {FrameError} it is too long
 */
export function encodeControl(message) {
  return encode(CONTROL, Buffer.from(JSON.stringify(message)));
}

/**
 * @param {Buffer} packet
 * @returns {Buffer}
 * @throws {FrameError} it is too long
 */
export function encodeRtp(packet) {
  return encode(RTP, packet);
}

/** @param {number} kind @param {Buffer} payload */
function encode(kind, payload) {
  const length = payload.length + 1;
  if (length > MAX_FRAME_BYTES)
    throw new FrameError(`A frame of ${length} bytes: it must be 1 to ${MAX_FRAME_BYTES}.`);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + length);
  frame.writeUInt32BE(length, 0);
  frame[LENGTH_BYTES] = kind;
  payload.copy(frame, HEADER_BYTES);
  return frame;
}
