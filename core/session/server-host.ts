/**
 * One spelling for each host, so that a server known as `example.org` is not met for the first time again as
 * `EXAMPLE.org.` or `[::1]` as `0:0::1`: another spelling would go round the pinned identity.
 * @returns undefined for what is neither a name nor an address; names may need the resolver's own rules, so
 * what looks like an IPv4 address in an unusual form (`127.1`, `0x7f.1`) is refused, too.
 */
export function canonicalHost(host: string): string | undefined {
  const plain = host.trim().toLowerCase();
  const bracketed = /^\[(.*)\]$/.exec(plain)?.[1];
  if (bracketed !== undefined || plain.includes(':')) return canonicalIpv6(bracketed ?? plain);
  const name = plain.replace(/\.$/, '');
  if (name.length < 1 || name.length > 253) return undefined;
  const labels = name.split('.');
  if (!labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,62})?$/.test(label))) return undefined;
  // A name whose last label is a number is an address to a browser (WHATWG URL §3.5).
  if (!/^(0x[0-9a-f]*|[0-9]+)$/.test(labels.at(-1) as string)) return name;
  const octets = labels.map((label) => (/^(0|[1-9][0-9]{0,2})$/.test(label) ? Number(label) : 256));
  return octets.length === 4 && octets.every((octet) => octet < 256) ? name : undefined;
}

/** RFC 5952 §4. A zone (`%eth0`) stays as it is. */
function canonicalIpv6(text: string): string | undefined {
  const [address = '', zone, ...rest] = text.split('%');
  if (rest.length > 0 || (zone !== undefined && !/^[a-z0-9_.-]{1,32}$/.test(zone))) return undefined;
  const mapped = /^(.*:)([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/.exec(address);
  let hex = address;
  if (mapped) {
    const octets = mapped.slice(2).map(Number);
    if (!octets.every((octet) => octet < 256)) return undefined;
    const [a, b, c, d] = octets as [number, number, number, number];
    hex = `${mapped[1] as string}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  }
  const halves = hex.split('::');
  if (halves.length > 2) return undefined;
  const groupsOf = (half: string | undefined): readonly string[] =>
    half === undefined || half === '' ? [] : half.split(':');
  const left = groupsOf(halves[0]);
  const right = groupsOf(halves[1]);
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return undefined;
  const short = groups.map((group) => group.replace(/^0+(?=.)/, ''));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && short[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  const joined =
    best.start < 0
      ? short.join(':')
      : `${short.slice(0, best.start).join(':')}::${short.slice(best.start + best.length).join(':')}`;
  return zone === undefined ? joined : `${joined}%${zone}`;
}
