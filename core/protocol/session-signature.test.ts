import { describe, expect, it } from 'vitest';
import { toHex } from '../base/bytes.ts';
import { sessionSigningInput, type SessionTranscript } from './session-signature.ts';

const transcript: SessionTranscript = {
  clientNonce: new Uint8Array(32).fill(1),
  serverNonce: new Uint8Array(32).fill(2),
  serverId: new Uint8Array(32).fill(3),
  identity: new Uint8Array(32).fill(4),
  certificateHash: new Uint8Array(32).fill(5),
};

describe('session signature', () => {
  it('covers the role and every part', () => {
    const inputs = [
      sessionSigningInput('client', transcript),
      sessionSigningInput('server', transcript),
      ...(Object.keys(transcript) as (keyof SessionTranscript)[]).map((name) =>
        sessionSigningInput('client', { ...transcript, [name]: new Uint8Array(32).fill(9) }),
      ),
    ];
    expect(new Set(inputs.map(toHex)).size).toBe(inputs.length);
  });
});
