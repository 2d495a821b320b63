/**
 * IP addresses: which of them a stranger's URL may lead to, and which are in a range. To the first question everything is refused that
 * is not plainly a unicast address of the public internet; a range that nobody thought of counts as refused.
 *
 * @see RFC 6890, RFC 9728 section 7.7, the IANA registries of special-purpose IPv4 and IPv6 addresses
 */
import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** `private` stands for everything that is neither public nor this computer, unreadable text included. */
export type AddressKind = 'public' | 'loopback' | 'private'

// Every address that the internet routes today is in 2000::/3. ipaddr.js calls whatever it does not know "unicast", among
// that the IPv4-compatible form `::127.0.0.1`.
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

// Looks public, but is answered by the host of every Azure virtual machine.
const CLOUD_INTERNAL = new Set(['168.63.129.16'])

/**
 * IPv4-mapped IPv6 addresses are judged by the IPv4 address inside. Translated and tunnelled forms (NAT64, 6to4, Teredo)
 * are `private`, whatever they carry.
 *
 * Does not resolve names, and does not know which public addresses your own network uses.
 *
 * @param address as a resolver or a socket gives it; IPv6 without brackets
 */
export function addressKind(address: string): AddressKind {
  const ip = parseAddress(address)
  if (!ip) return 'private'
  const range = ip.range()
  if (range === 'loopback') return 'loopback'
  if (range !== 'unicast' || CLOUD_INTERNAL.has(ip.toString())) return 'private'
  return ip instanceof ipaddr.IPv6 && !ip.match(GLOBAL_UNICAST) ? 'private' : 'public'
}

/**
 * IPv4-mapped IPv6 addresses are looked up by the IPv4 address inside.
 *
 * @param ranges in CIDR notation: `192.0.2.0/24`, `2001:db8::/32`
 * @returns whether an address is in one of them; text that is no address is in none
 * @throws RangeError naming the range that is none
 */
export function addressRanges(ranges: readonly string[]): (address: string) => boolean {
  const parsed = ranges.map(range => {
    if (!ipaddr.isValidCIDR(range)) throw new RangeError(`${range} is no range of addresses in CIDR notation`)
    return ipaddr.parseCIDR(range)
  })
  return address => {
    const ip = parsed.length === 0 ? null : parseAddress(address)
    return ip !== null && parsed.some(([network, bits]) => ip.kind() === network.kind() && ip.match(network, bits))
  }
}

// Short, octal and hexadecimal IPv4 forms are read differently by different programs: nobody gets to choose. IPv6 goes
// through the URL parser first, because ipaddr.js takes the IPv4-compatible `::8.8.8.8` for the mapped `::ffff:8.8.8.8`.
function parseAddress(address: string): ReturnType<typeof ipaddr.process> | null {
  if (isIPv4(address)) return ipaddr.IPv4.parse(address)
  const hostname = /^[0-9A-Fa-f:.]+$/.test(address) ? URL.parse(`http://[${address}]/`)?.hostname : undefined
  return hostname ? ipaddr.process(hostname.slice(1, -1)) : null
}
