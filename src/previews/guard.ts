import ipaddr from 'ipaddr.js';

/*
 * Which addresses a stranger's link may make the server ask. Only the public internet: nothing of the machine, of its network,
 * or of the cloud it runs in.
 */

/** Names that are never public, by their last label or labels (RFC 6761, RFC 6762, RFC 8375, RFC 9476, and habit). */
const LOCAL_NAMES =
  /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home|corp|private|arpa|test|example|invalid|onion|alt)$/;

/** Whether an address, as text, lies in the public internet. What is no address does not. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  // Of IPv6 only what is given out (RFC 4291: 2000::/3): all else is unassigned, or carries another address within.
  return parsed.kind() === 'ipv4' || parsed.match(ipaddr.parse('2000::'), 3);
}

/** A web address that may be asked, as far as its text says; null: it may not. Every spelling of an IP address is seen through. */
export function publicUrl(text: string): URL | null {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return null;
  // The parser leaves out the port that the protocol implies: any other one is somebody's service.
  if (url.port !== '' || url.username !== '' || url.password !== '') return null;
  // By now the parser has turned decimal, octal, hexadecimal and shortened addresses into the usual form.
  const host = url.hostname.replace(/\.$/, '');
  const literal = host.startsWith('[') ? host.slice(1, -1) : host;
  if (ipaddr.isValid(literal)) return isPublicAddress(literal) ? url : null;
  return host.includes('.') && !LOCAL_NAMES.test(host) && /^[a-z0-9._-]+$/.test(host) ? url : null;
}

/** The name that has to be looked up before a URL is asked; null: it has an address already. */
export function nameOf(url: URL): string | null {
  const host = url.hostname.replace(/\.$/, '');
  return host.startsWith('[') || ipaddr.isValid(host) ? null : host;
}
