import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { encodeControl, encodeRtp, FrameError, FrameReader, MAX_FRAME_BYTES } from '../src/link/frames.js';

const message = fc
  .record({ type: fc.string(), more: fc.jsonValue() })
  .map((value) => /** @type {{type: string}} */ (JSON.parse(JSON.stringify(value))));
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const frames = fc.array(
  fc.oneof(
    message.map((value) => ({ encoded: encodeControl(value), frame: { kind: 1, message: value } })),
    bytes.map((packet) => ({ encoded: encodeRtp(packet), frame: { kind: 2, packet } })),
  ),
);

/** @param {Buffer} stream @param {number[]} sizes of the chunks, over and over */
function* chunked(stream, sizes) {
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = sizes[turn % sizes.length];
    yield stream.subarray(at, at + size);
    at += size;
  }
}

test('any chunking gives the same frames', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 });
  fc.assert(
    fc.property(frames, sizes, (sent, chunks) => {
      const reader = new FrameReader();
      const stream = Buffer.concat(sent.map(({ encoded }) => encoded));
      const read = [...chunked(stream, chunks)].flatMap((chunk) => [...reader.push(chunk)]);
      assert.deepEqual(
        read,
        sent.map(({ frame }) => frame),
      );
    }),
  );
});

test('garbage gives frames or a FrameError, and nothing after it', () => {
  const garbage = fc.oneof(
    bytes,
    // Nearly right: a sound header with anything in it.
    fc
      .tuple(fc.constantFrom(1, 2, 3), bytes)
      .map(([kind, payload]) => Buffer.from([0, 0, 1, payload.length % 256, kind, ...payload])),
    bytes.map((payload) => {
      const frame = encodeRtp(payload);
      frame[4] = 1;
      return frame;
    }),
  );
  fc.assert(
    fc.property(fc.array(garbage), (chunks) => {
      const reader = new FrameReader();
      let failed = false;
      for (const chunk of chunks) {
        try {
          for (const frame of reader.push(chunk)) assert.ok(frame.kind === 1 || frame.kind === 2);
          assert.ok(!failed, 'it went on after an error');
        } catch (error) {
          assert.ok(error instanceof FrameError, String(error));
          failed = true;
        }
      }
    }),
  );
});

test('the frames before a bad one are read', () => {
  const reader = new FrameReader();
  const read = [];
  assert.throws(() => {
    for (const frame of reader.push(Buffer.concat([encodeRtp(Buffer.from('x')), Buffer.alloc(4)])))
      read.push(frame);
  }, FrameError);
  assert.equal(read.length, 1);
});

test('the longest frame passes, a longer one does not', () => {
  const longest = encodeRtp(Buffer.alloc(MAX_FRAME_BYTES - 1));
  assert.equal([...new FrameReader().push(longest)].length, 1);
  assert.throws(() => encodeRtp(Buffer.alloc(MAX_FRAME_BYTES)), FrameError);
  assert.throws(() => [...new FrameReader().push(Buffer.from([0, 1, 0, 1, 2]))], FrameError);
});

test('an unknown kind is refused before its payload came', () => {
  assert.throws(() => [...new FrameReader().push(Buffer.from([0, 0, 1, 0, 9]))], /kind 9/);
});
