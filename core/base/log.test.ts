import { describe, expect, it } from 'vitest';
import { createLogger, formatLogEntry, logCode, silentLogger, type LogEntry } from './log.ts';

describe('log', () => {
  it('lets only identifiers through as text', () => {
    expect(logCode('stale_epoch')).toEqual({ code: 'stale_epoch' });
    for (const bad of ['192.168.0.1', 'hello world', '', 'a'.repeat(65), '\u00e9', 'a/b', '{"x":1}'])
      expect(logCode(bad)).toEqual({ code: 'unprintable' });
  });

  it('hands entries to its sink and renders them on one line', () => {
    const entries: LogEntry[] = [];
    const logger = createLogger((entry) => entries.push(entry));
    logger.log('warn', 'call.joined', { members: 3, ok: true, code: logCode('x') });
    silentLogger.log('error', 'nothing');
    expect(entries.map(formatLogEntry)).toEqual([
      '{"level":"warn","event":"call.joined","members":3,"ok":true,"code":"x"}',
    ]);
  });
});
