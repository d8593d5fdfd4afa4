import { Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"

/**
 * Tells whether an address lies in one of the networks (CIDR notation, valid as the settings are). An IPv4 address
 * mapped into IPv6 counts as IPv4; a text that is no address lies in no network.
 */
export const networkMembership = (networks: ReadonlyArray<string>): ((address: string) => boolean) => {
  const compiled = networks.map(IpNetwork.fromStringUnsafe)
  if (compiled.length === 0) return () => false
  return (address) => {
    const zone = address.indexOf("%")
    const decoded = NetAddress.ipFromString(zone < 0 ? address : address.slice(0, zone))
    if (Result.isFailure(decoded)) return false
    const canonical = NetAddress.toCanonical(decoded.success)
    for (const network of compiled) if (IpNetwork.contains(network, canonical)) return true
    return false
  }
}
