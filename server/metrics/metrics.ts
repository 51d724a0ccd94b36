/** Everything the relay counts, with the help text Prometheus shows. Numbers about people in sum, never about one. */
const COUNTERS = {
  connections_accepted: 'Connections let in',
  fallback_connections_accepted: 'Connections let in over the fallback transport, counted above, too',
  connections_refused: 'Connections refused by a limit',
  handshakes_completed: 'Clients that proved their identity',
  handshakes_failed: 'Handshakes that ended otherwise',
  control_messages_in: 'Control messages received',
  control_messages_out: 'Control messages sent',
  control_bytes_in: 'Bytes of control messages received',
  control_bytes_out: 'Bytes of control messages sent',
  requests_refused: 'Requests answered with an error',
  protocol_errors: 'Sessions closed for malformed messages',
  slow_readers_closed: 'Sessions closed because they did not read',
  datagrams_in: 'Datagrams received',
  datagram_bytes_in: 'Bytes of datagrams received',
  datagrams_out: 'Datagrams sent',
  datagram_bytes_out: 'Bytes of datagrams sent',
  frames_forwarded: 'Media frames forwarded, counted once per listener',
  bundles_out: 'Datagrams sent that carry several frames',
  echoes: 'Round trip probes answered',
  dropped_malformed: 'Datagrams dropped: no media datagram',
  dropped_wrong_slot: "Datagrams dropped: not the sender's slot",
  dropped_not_in_call: 'Datagrams dropped: sender in no call',
  dropped_rate_limited: 'Datagrams dropped: sender over its rate',
  dropped_slow_listener: 'Datagrams dropped: listener too slow',
  commits_accepted: 'Group commits accepted',
  commits_stale: 'Group commits refused as stale',
  messages_accepted: 'Encrypted text messages accepted',
} as const;

/** Name of a counter. */
export type CounterName = keyof typeof COUNTERS;
/** Counters as plain numbers, so that counting costs nothing on the voice path. */
export type Counters = Record<CounterName, number>;

/** Makes all counters, at zero. */
export function createCounters(): Counters {
  return Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, 0])) as Counters;
}

/** Values read at the moment of asking. */
export interface Gauges {
  readonly sessions: number;
  readonly rooms: number;
  readonly calls: number;
  readonly call_members: number;
  readonly uptime_seconds: number;
  readonly resident_memory_bytes: number;
}

/** Renders the Prometheus text format, version 0.0.4. */
export function renderMetrics(counters: Counters, gauges: Gauges): string {
  const lines: string[] = [];
  for (const [name, help] of Object.entries(COUNTERS)) {
    const full = `conclave_${name}_total`;
    lines.push(
      `# HELP ${full} ${help}.`,
      `# TYPE ${full} counter`,
      `${full} ${counters[name as CounterName]}`,
    );
  }
  for (const [name, value] of Object.entries(gauges)) {
    const full = `conclave_${name}`;
    lines.push(`# TYPE ${full} gauge`, `${full} ${value}`);
  }
  return `${lines.join('\n')}\n`;
}
