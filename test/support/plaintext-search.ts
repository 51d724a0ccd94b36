/** Byte patterns that must not occur anywhere at the relay. */
export type Marker = Buffer;

/** Texts in the encodings they could leak in. */
export function textMarkers(texts: readonly string[]): readonly Marker[] {
  return texts.flatMap((text) => {
    const utf8 = Buffer.from(text, 'utf8');
    // Base64 of three alignments, without the characters that depend on the neighbours.
    const base64 = [0, 1, 2].map((shift) => {
      const encoded = Buffer.concat([Buffer.alloc(shift), utf8]).toString('base64');
      return Buffer.from(encoded.slice(shift === 0 ? 0 : 4, -4), 'latin1');
    });
    return [utf8, Buffer.from(text, 'utf16le'), Buffer.from(utf8.toString('hex')), ...base64];
  });
}

/** Runs of loud samples as 16-bit integers and as floats: what raw audio would look like. */
export function pcmMarkers(samples: Float32Array, count = 200): readonly Marker[] {
  const RUN = 16;
  const markers: Marker[] = [];
  const step = Math.max(RUN, Math.floor(samples.length / (count * 4)));
  for (let start = 0; start + RUN <= samples.length && markers.length < 2 * count; start += step) {
    const run = samples.subarray(start, start + RUN);
    if (run.some((sample) => Math.abs(sample) < 0.01)) continue;
    const int16 = Buffer.alloc(2 * RUN);
    run.forEach((sample, i) =>
      int16.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32767), 2 * i),
    );
    markers.push(int16, Buffer.from(new Float32Array(run).buffer));
  }
  return markers;
}

/** True when any marker occurs in any of the pieces. */
export function findPlaintext(pieces: readonly Buffer[], markers: readonly Marker[]): boolean {
  return pieces.some((piece) => markers.some((marker) => piece.includes(marker)));
}
