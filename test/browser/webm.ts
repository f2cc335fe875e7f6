/**
 * A WebM file of key frames alone, so that every one of them can be sought: as much of Matroska (RFC 9559) as a browser
 * needs, over EBML (RFC 8794).
 *
 * @param frames one a second, as VP8 has them
 */
export function webm(frames: readonly Buffer[], width: number, height: number): Buffer {
  const info = element('1549a966', [
    element('2ad7b1', unsigned(1_000_000)), // TimestampScale: milliseconds
    element('4489', double(frames.length * 1000)), // Duration
    element('4d80', text('test')), // MuxingApp
    element('5741', text('test')), // WritingApp
  ]);
  const tracks = element('1654ae6b', [
    element('ae', [
      element('d7', unsigned(1)), // TrackNumber
      element('73c5', unsigned(1)), // TrackUID
      element('83', unsigned(1)), // TrackType: video
      element('86', text('V_VP8')), // CodecID
      element('e0', [element('b0', unsigned(width)), element('ba', unsigned(height))]),
    ]),
  ]);
  const clusters = frames.map((frame, second) =>
    element('1f43b675', [
      element('e7', unsigned(second * 1000)), // Timestamp
      element('a3', [Buffer.from([0x81, 0, 0, 0x80]), frame]), // SimpleBlock: track 1, no offset, a key frame
    ]),
  );
  // Where a cluster is depends on how long this index is, and that not on what is in it.
  let position = info.length + tracks.length + cues(frames.map(() => 0)).length;
  const positions = clusters.map(({ length }) => {
    position += length;
    return position - length;
  });
  const ebml = element('1a45dfa3', [
    element('4282', text('webm')),
    element('4287', unsigned(4)),
    element('4285', unsigned(2)),
  ]);
  return Buffer.concat([ebml, element('18538067', [info, tracks, cues(positions), ...clusters])]);
}

function cues(positions: readonly number[]): Buffer {
  const points = positions.map((position, second) =>
    element('bb', [
      element('b3', unsigned(second * 1000)), // CueTime
      element('b7', [element('f7', unsigned(1)), element('f1', unsigned(position))]), // of track 1: CueClusterPosition
    ]),
  );
  return element('1c53bb6b', points);
}

/** The VP8 frame in an image that a canvas has made of type image/webp (RFC 9649). */
export function frameOf(image: Buffer): Buffer {
  for (let at = 12; at < image.length; ) {
    const length = image.readUInt32LE(at + 4);
    if (image.toString('latin1', at, at + 4) === 'VP8 ') return image.subarray(at + 8, at + 8 + length);
    at += 8 + length + (length % 2);
  }
  throw new Error('The image is not lossy WebP');
}

function element(id: string, content: Buffer | readonly Buffer[]): Buffer {
  const bytes = content instanceof Buffer ? content : Buffer.concat(content as Buffer[]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE((1n << 56n) | BigInt(bytes.length));
  return Buffer.concat([Buffer.from(id, 'hex'), size, bytes]);
}

function unsigned(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}
