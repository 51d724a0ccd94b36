import type { Clock } from '../../base/async.ts';
import { randomBytes } from '../../base/bytes.ts';
import { createFrameKeyring } from '../../crypto/keyring.ts';

/** Seals and opens frames under throwaway keys, so that the first real ones meet compiled code. */
export function warmUpCipher(frames: number, clock: Clock): void {
  const [ours, theirs] = [randomBytes(32), randomBytes(32)];
  const sealing = createFrameKeyring(clock);
  const opening = createFrameKeyring(clock);
  sealing.setEpoch({ epoch: 1, ownKey: ours, slot: 1, senders: [] });
  opening.setEpoch({ epoch: 1, ownKey: theirs, slot: 2, senders: [{ session: 1, slot: 1, key: ours }] });
  const payload = randomBytes(100);
  for (let i = 0; i < frames; i++) {
    const datagram = sealing.seal(payload);
    if (datagram) opening.open(datagram);
  }
  sealing.clear();
  opening.clear();
}
