import { failure, success, type Result } from '../../../core/base/result.ts';
import type { ServerAddress } from '../../../core/workers/session-contract.ts';

/** The port of a relay unless its operator chose another one. */
export const DEFAULT_PORT = 8443;

/** An address a person typed, or a `conclave:` link; the error is a sentence for that person. */
export function parseAddress(text: string): Result<ServerAddress, string> {
  const trimmed = text.trim();
  if (trimmed === '') return failure('Type the address of a server, for example harbour.example:8443.');
  if (/^conclave:/i.test(trimmed)) return parseInvite(trimmed);
  const withoutScheme = trimmed.replace(/^https:\/\//i, '').replace(/\/+$/, '');
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([^\s:/?#@[\]]{1,253}))(?::([0-9]{1,5}))?$/.exec(
    withoutScheme,
  );
  if (!match)
    return failure(
      'This is no address. Type a host and a port, for example harbour.example:8443 or [2001:db8::1]:8443.',
    );
  const host = (match[1] ?? match[2] ?? '').toLowerCase();
  const port = match[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (port < 1 || port > 65535) return failure('A port is a number from 1 to 65535.');
  if (!isHost(host)) return failure(`"${host}" is no host name. Check it for typing mistakes.`);
  return success({ host, port });
}

/** `conclave://join?host=<host:port>&id=<hex>`; what else a link holds is not used here. */
function parseInvite(text: string): Result<ServerAddress, string> {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return failure('This invitation is not complete. Copy the whole link and try again.');
  }
  const host = url.searchParams.get('host');
  const id = url.searchParams.get('id');
  if (url.host !== 'join' || host === null || host.toLowerCase().startsWith('conclave:'))
    return failure('This is no invitation to a server. Ask for a new link.');
  const address = parseAddress(host);
  if (!address.ok) return address;
  if (id === null) return address;
  if (!/^[0-9a-f]{64}$/i.test(id))
    return failure('The server’s identity in this invitation is damaged. Ask for a new link.');
  return success({ ...address.value, serverId: id.toLowerCase() });
}

/** Letters, digits, hyphens and dots (RFC 1123 §2.1), other scripts as people write them, or an IP address. */
function isHost(host: string): boolean {
  if (host.includes(':')) {
    try {
      new URL(`https://[${host}]/`);
      return true;
    } catch {
      return false;
    }
  }
  return host
    .split('.')
    .every((label) => /^[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?$/u.test(label));
}
