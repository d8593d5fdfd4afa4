import { IpNetwork, NetAddress } from "effect/net"
import { networkMembership, readAddress } from "../../domain/networks.ts"

/** Whom a client's address counts for. */
export interface ClientNetwork {
  /** Equal for addresses that are counted together. */
  readonly key: string
  /** In one of TRUSTED_NETWORKS. */
  readonly trusted: boolean
}

/** A single customer commonly has a whole /64, and can take any address of it (RFC 6177). */
const IPV6_PREFIX = 64

/** Addresses whose network is remembered: as many as clients may be connected, in nearly every deployment. */
const REMEMBERED = 4096

/** Longer texts are no addresses. */
const MAX_KEY_LENGTH = 64

/**
 * Tells the network of a client: IPv4 addresses stand for themselves, also when they are written as IPv6
 * (`::ffff:192.0.2.1`), and IPv6 addresses for their /64. Trusted networks are in CIDR notation.
 */
export const makeClientNetworks = (trustedNetworks: ReadonlyArray<string>): ((address: string) => ClientNetwork) => {
  const isTrusted = networkMembership(trustedNetworks)
  const remembered = new Map<string, ClientNetwork>()

  const read = (text: string): ClientNetwork => {
    const address = readAddress(text)
    if (address === undefined) return { key: text.slice(0, MAX_KEY_LENGTH), trusted: false }
    return {
      key: NetAddress.isIpv4Address(address)
        ? NetAddress.formatIp(address)
        : IpNetwork.format(IpNetwork.fromAddressUnsafe(address, IPV6_PREFIX)),
      trusted: isTrusted(address)
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
