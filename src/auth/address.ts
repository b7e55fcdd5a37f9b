/** Requests that come without an address (no proxy in front) share one name. */
const LOCAL = 'local';

/**
 * What counts as one address for a limit: an IPv4 address, or the /64 of an IPv6 address, since whoever has one address
 * of it has all of them.
 */
export function addressKey(address: string | undefined): string {
  if (address === undefined || address === '') return LOCAL;
  if (!address.includes(':') || address.includes('.')) return address.replace(/^::ffff:/i, '');
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const end = tail === '' ? [] : tail.split(':');
    groups.push(...Array<string>(Math.max(0, 8 - groups.length - end.length)).fill('0'), ...end);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
