/**
 * A secret-derived value as digits that people can read to each other: each group of `group` digits is as many
 * bytes taken as one big-endian number, modulo a power of ten (the construction of DAVE's displayable codes).
 * @throws RangeError when the data is too short, or the length is no multiple of a group of at most 8.
 */
export function displayCode(data: Uint8Array, length: number, group: number): string {
  if (group < 1 || group > 8 || length % group !== 0)
    throw new RangeError('the length is made of whole groups');
  if (data.length < length) throw new RangeError('there is too little data for the code');
  let code = '';
  for (let start = 0; start < length; start += group) {
    let value = 0n;
    for (const byte of data.subarray(start, start + group)) value = (value << 8n) | BigInt(byte);
    code += (value % 10n ** BigInt(group)).toString().padStart(group, '0');
  }
  return code;
}

/** Digits of a call code: 30 in groups of 5, about 99 bits, different in every epoch. */
const CALL_CODE_DIGITS = 30;
const CALL_CODE_GROUP = 5;

/**
 * The code that everybody in one epoch of a call sees alike, and nobody outside can know: six groups of five
 * digits of the epoch authenticator (RFC 9420 §8.7). Different codes mean that the group was split.
 */
export function callCode(epochAuthenticator: Uint8Array): string {
  const digits = displayCode(epochAuthenticator, CALL_CODE_DIGITS, CALL_CODE_GROUP);
  return (digits.match(/.{5}/g) ?? []).join(' ');
}
