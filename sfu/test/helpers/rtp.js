/**
 * An RTP packet (RFC 3550) without extensions.
 *
 * @param {{payloadType: number, ssrc: number, sequence: number, payload?: Buffer}} fields
 */
export function rtpPacket({ payloadType, ssrc, sequence, payload = Buffer.from([0xf8, 0xff, 0xfe]) }) {
  const header = Buffer.alloc(12);
  header[0] = 0x80;
  header[1] = payloadType;
  header.writeUInt16BE(sequence, 2);
  header.writeUInt32BE(sequence * 960, 4);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, payload]);
}

/** What a packet carries: its header's extension and CSRCs skipped. @param {Buffer} packet */
export function payloadOf(packet) {
  let start = 12 + (packet[0] & 0x0f) * 4;
  if (packet[0] & 0x10) start += 4 + packet.readUInt16BE(start + 2) * 4;
  return packet.subarray(start);
}
