import { Option, Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"

/** Whom a client's address counts for. */
export interface ClientNetwork {
  /** Equal for addresses that are counted together. */
  readonly key: string
  /** In one of TRUSTED_NETWORKS. */
  readonly trusted: boolean
}

/** A single customer commonly has a whole /64, and can take any address of it (RFC 6177). */
const IPV6_PREFIX = 64

/** Of `::ffff:0:0`, in front of an IPv4 address (RFC 4291 section 2.5.5.2). */
const MAPPED_PREFIX = 96

/** Addresses whose network is remembered: as many as clients may be connected, in nearly every deployment. */
const REMEMBERED = 4096

/** Longer texts are no addresses. */
const MAX_KEY_LENGTH = 64

/**
 * Tells the network of a client: IPv4 addresses stand for themselves, also when they are written as IPv6
 * (`::ffff:192.0.2.1`), and IPv6 addresses for their /64. Trusted networks are in CIDR notation.
 */
export const makeClientNetworks = (trustedNetworks: ReadonlyArray<string>): ((address: string) => ClientNetwork) => {
  const trusted = trustedNetworks.map((network) => unmappedNetwork(IpNetwork.fromStringUnsafe(network)))
  const remembered = new Map<string, ClientNetwork>()

  const read = (text: string): ClientNetwork => {
    const written = NetAddress.ipFromString(withoutZone(text))
    if (Result.isFailure(written)) return { key: text.slice(0, MAX_KEY_LENGTH), trusted: false }
    const address = unmapped(written.success)
    return {
      key: NetAddress.isIpv4Address(address)
        ? NetAddress.formatIp(address)
        : IpNetwork.format(IpNetwork.fromAddressUnsafe(address, IPV6_PREFIX)),
      trusted: trusted.some((network) => IpNetwork.contains(network, address))
    }
  }

  return (address) => {
    const known = remembered.get(address)
    if (known !== undefined) return known
    const network = read(address)
    if (remembered.size >= REMEMBERED) {
      for (const oldest of remembered.keys()) {
        remembered.delete(oldest)
        break
      }
    }
    remembered.set(address, network)
    return network
  }
}

/** `fe80::1%eth0` (RFC 4007 section 11). */
const withoutZone = (text: string): string => {
  const percent = text.indexOf("%")
  return percent < 0 ? text : text.slice(0, percent)
}

const unmapped = (address: NetAddress.IpAddress): NetAddress.IpAddress =>
  NetAddress.isIpv6Address(address) ? Option.getOrElse(NetAddress.fromIpv4Mapped(address), () => address) : address

/** `::ffff:10.0.0.0/104` is `10.0.0.0/8`. */
const unmappedNetwork = (network: IpNetwork.IpNetwork): IpNetwork.IpNetwork => {
  const address = unmapped(network.address)
  return address === network.address || network.prefixLength < MAPPED_PREFIX
    ? network
    : IpNetwork.fromAddressUnsafe(address, network.prefixLength - MAPPED_PREFIX)
}
