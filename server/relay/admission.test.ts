import { describe, expect, it } from 'vitest';
import { addressGroup, createAdmission, isLoopback, type AdmissionLimits } from './admission.ts';

const limits: AdmissionLimits = {
  perMinute: 60,
  burst: 3,
  connectionsPerAddress: 100,
  maxConnections: 1000,
  loopbackExempt: true,
};

describe('admission', () => {
  it('limits each address by itself and forgives with time', () => {
    const admission = createAdmission(limits);
    const tries = (address: string, now: number): boolean => admission.admit(address, now).ok;
    expect([1, 2, 3, 4].map(() => tries('192.0.2.1', 0))).toEqual([true, true, true, false]);
    expect(admission.admit('192.0.2.1', 0)).toMatchObject({ reason: 'rate_limited', retryAfterMs: 1000 });
    expect(tries('192.0.2.2', 0)).toBe(true);
    expect(tries('192.0.2.1', 1000)).toBe(true);
    expect(tries('192.0.2.1', 1000)).toBe(false);
  });

  it('counts an IPv6 /64 as one address and mapped IPv4 as IPv4', () => {
    expect(addressGroup('2001:db8:1:2:3:4:5:6')).toBe(addressGroup('2001:0db8:1:2::9'));
    expect(addressGroup('2001:db8:1:2::1')).not.toBe(addressGroup('2001:db8:1:3::1'));
    expect(addressGroup('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(addressGroup('fe80::1%eth0')).toBe(addressGroup('fe80::2%eth0'));
  });

  it('leaves loopback alone unless told otherwise', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].every(isLoopback)).toBe(true);
    expect(['128.0.0.1', '::2', '127.evil'].some(isLoopback)).toBe(false);
    const exempt = createAdmission(limits);
    for (let i = 0; i < 50; i++) expect(exempt.admit('127.0.0.1', 0).ok).toBe(true);
    const strict = createAdmission({ ...limits, loopbackExempt: false });
    expect([1, 2, 3, 4].map(() => strict.admit('127.0.0.1', 0).ok)).toEqual([true, true, true, false]);
  });

  it('counts open connections and gives places back once', () => {
    const admission = createAdmission({ ...limits, burst: 100, connectionsPerAddress: 1, maxConnections: 2 });
    const first = admission.admit('192.0.2.1', 0);
    expect(admission.admit('192.0.2.1', 0)).toMatchObject({ ok: false, reason: 'rate_limited' });
    expect(admission.admit('192.0.2.2', 0).ok).toBe(true);
    expect(admission.admit('192.0.2.3', 0)).toMatchObject({ ok: false, reason: 'server_full' });
    if (first.ok) {
      first.release();
      first.release();
    }
    expect(admission.admit('192.0.2.3', 0).ok).toBe(true);
    expect(admission.admit('192.0.2.4', 0)).toMatchObject({ ok: false, reason: 'server_full' });
  });
});
