import { readFileSync } from 'node:fs';
import { parse as parseToml } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { CONFIG_KEYS, ENVIRONMENT_NAMES, parseAddress, readConfig } from './server-config.ts';

const sample = readFileSync(new URL('./server.sample.toml', import.meta.url), 'utf8');

function errorOf(toml: string, environment: Record<string, string> = {}): string {
  const result = readConfig(toml, environment);
  if (result.ok) throw new Error('was accepted');
  return result.error;
}

describe('the settings of the relay', () => {
  it('are all explained in the sample file, which is valid', () => {
    const result = readConfig(sample, {});
    expect(result).toMatchObject({
      ok: true,
      value: { 'server.max_connections': 100, 'database.path': 'conclave.db' },
    });
    const named = Object.entries(parseToml(sample)).flatMap(([section, table]) =>
      Object.keys(table as object).map((key) => `${section}.${key}`),
    );
    expect(named.sort()).toEqual([...CONFIG_KEYS].sort());
    // Every setting has a comment above it or above its neighbour.
    for (const block of sample.split('\n\n')) expect(block).toMatch(/#/);
  });

  it('have the documented defaults', () => {
    const result = readConfig('', {});
    expect(result).toMatchObject({
      ok: true,
      value: {
        'server.bind_address': '0.0.0.0:8443',
        'server.max_connections': 1000,
        'rooms.empty_room_timeout': 300,
        'rooms.max_rooms': 50,
        'rooms.max_room_name_length': 32,
        'limits.handshake_per_minute': 60,
        'limits.handshake_burst': 20,
        'limits.connections_per_ip': 5,
        'limits.messages_per_second': 50,
        'limits.text_messages_per_second': 5,
        'limits.room_create_interval_secs': 5,
      },
    });
  });

  it('are refused with key, value and what is allowed', () => {
    expect(errorOf('[rooms]\nmax_rooms = "many"')).toBe(
      'rooms.max_rooms cannot be "many": it must be a whole number from 1 to 10000.',
    );
    expect(errorOf('[verification]\nmode = "maybe"')).toMatch(
      /verification\.mode cannot be "maybe".*"none", "optional", "required"/,
    );
    expect(errorOf('[server]\nbind_address = "8443"')).toMatch(/server\.bind_address cannot be "8443"/);
    expect(errorOf('[server]\nprot = 1')).toMatch(/Unknown setting server\.prot.*server\.name/);
    expect(errorOf('port = 1')).toMatch(/"port" is no setting/);
    expect(errorOf('[server')).toMatch(/not valid TOML/);
  });

  it('never repeat a password', () => {
    expect(errorOf('[server]\npassword = 12345')).not.toContain('12345');
  });

  it('can be overridden from the environment by both prefixes', () => {
    const result = readConfig('[server]\nbind_address = "127.0.0.1:1"\nmax_users = 7', {
      AURA_BIND_ADDRESS: '127.0.0.1:2',
      CONCLAVE_DATABASE_PATH: ':memory:',
    });
    expect(result).toMatchObject({
      ok: true,
      value: {
        'server.bind_address': '127.0.0.1:2',
        'database.path': ':memory:',
        'server.max_connections': 7,
      },
    });
    expect(errorOf('', { AURA_MAX_CONNECTIONS: '-1' })).toMatch(/AURA_MAX_CONNECTIONS cannot be "-1"/);
    expect(ENVIRONMENT_NAMES).toContain('CONCLAVE_BOOTSTRAP_ADMIN_KEY');
  });

  it('bind both IP families for 0.0.0.0', () => {
    expect(parseAddress('0.0.0.0:8443')).toEqual({ host: '::', port: 8443 });
    expect(parseAddress('[::1]:1')).toEqual({ host: '::1', port: 1 });
    expect(parseAddress('127.0.0.1:65536')).toBeUndefined();
  });
});
