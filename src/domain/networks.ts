import { Option, Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"

/** Of `::ffff:0:0`, in front of an IPv4 address (RFC 4291 section 2.5.5.2). */
const MAPPED_PREFIX = 96

/**
 * The address that the text is, without its zone (`fe80::1%eth0`, RFC 4007 section 11). One that is IPv4 mapped into IPv6
 * (`::ffff:192.0.2.1`) is IPv4. `undefined` for any other text.
 */
export const readAddress = (text: string): NetAddress.IpAddress | undefined => {
  const zone = text.indexOf("%")
  const read = NetAddress.ipFromString(zone < 0 ? text : text.slice(0, zone))
  return Result.isSuccess(read) ? unmapped(read.success) : undefined
}

/**
 * Tells whether an address lies in one of the networks (CIDR notation, valid as the settings are). IPv4 mapped into IPv6
 * counts as IPv4 on both sides: `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
 */
export const networkMembership = (
  networks: ReadonlyArray<string>
): ((address: NetAddress.IpAddress | undefined) => boolean) => {
  const compiled = networks.map((network) => unmappedNetwork(IpNetwork.fromStringUnsafe(network)))
  return (address) => address !== undefined && compiled.some((network) => IpNetwork.contains(network, address))
}

const unmapped = (address: NetAddress.IpAddress): NetAddress.IpAddress =>
  NetAddress.isIpv6Address(address) ? Option.getOrElse(NetAddress.fromIpv4Mapped(address), () => address) : address

const unmappedNetwork = (network: IpNetwork.IpNetwork): IpNetwork.IpNetwork => {
  const address = unmapped(network.address)
  return address === network.address || network.prefixLength < MAPPED_PREFIX
    ? network
    : IpNetwork.fromAddressUnsafe(address, network.prefixLength - MAPPED_PREFIX)
}
