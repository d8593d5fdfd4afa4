/**
 * The PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt): what a load
 * balancer writes in front of a connection to tell whose it is. Believe it from balancers alone.
 */
import { Result } from "effect"
import { NetAddress } from "effect/net"

export interface Endpoint {
  /** Canonical: IPv6 in lower case and shortened, an IPv4 address mapped into IPv6 as IPv4. */
  readonly address: string
  readonly port: number
}

export type ProxyHeader =
  /** What has arrived may become a header. */
  | { readonly _tag: "Incomplete" }
  /** What has arrived will never be a header. */
  | { readonly _tag: "Invalid" }
  /** A header without a client: a health check of the balancer, or a family that is not IP. The socket's own address holds. */
  | {
      readonly _tag: "Local"
      /** Octets of the header. */
      readonly length: number
    }
  | {
      readonly _tag: "Forwarded"
      readonly length: number
      /** The client. */
      readonly source: Endpoint
      /** Where the client connected to. */
      readonly destination: Endpoint
    }

/** Octets of a version 1 header, CRLF included. */
export const MAX_TEXT_LENGTH = 107

/** Octets that a version 2 header may have behind its first 16. Balancers send some hundred; the format allows 65535. */
export const MAX_BINARY_PAYLOAD = 4_096

/** Reads the header that the connection's first octets are. Octets behind it are not looked at. */
export const parseProxyHeader = (octets: Buffer): ProxyHeader => {
  if (octets.length === 0) return INCOMPLETE
  return octets.readUInt8(0) === SIGNATURE.readUInt8(0) ? parseBinary(octets) : parseText(octets)
}

/** Whether the first octets of a connection begin as a header does. No SMTP client starts like that. */
export const startsLikeProxyHeader = (octets: Buffer): boolean =>
  startsWith(octets, TEXT_START) || startsWith(octets, SIGNATURE_START)

/** Whether more octets could make them begin as a header does. */
export const mayBecomeProxyHeader = (octets: Buffer): boolean =>
  (octets.length < TEXT_START.length && mayStartWith(octets, TEXT_START)) ||
  (octets.length < SIGNATURE_START.length && mayStartWith(octets, SIGNATURE_START))

const INCOMPLETE: ProxyHeader = { _tag: "Incomplete" }
const INVALID: ProxyHeader = { _tag: "Invalid" }

const TEXT_START = Buffer.from("PROXY ", "latin1")
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1")
/** Empty lines may be a mistake, a NUL behind them is none. */
const SIGNATURE_START = SIGNATURE.subarray(0, 5)

const startsWith = (octets: Buffer, start: Buffer): boolean =>
  octets.length >= start.length && octets.compare(start, 0, start.length, 0, start.length) === 0

/** Whether `octets` agree with `start` as far as both go. */
const mayStartWith = (octets: Buffer, start: Buffer): boolean => {
  const known = Math.min(octets.length, start.length)
  return octets.compare(start, 0, known, 0, known) === 0
}

const CR = 0x0d
const LF = 0x0a

/** Version 1, section 2.1: one line of text. */
const parseText = (octets: Buffer): ProxyHeader => {
  if (!mayStartWith(octets, TEXT_START)) return INVALID
  const known = Math.min(octets.length, MAX_TEXT_LENGTH)
  for (let index = TEXT_START.length; index < known; index++) {
    const octet = octets.readUInt8(index)
    if (octet === CR) {
      if (index + 1 === MAX_TEXT_LENGTH) return INVALID
      if (index + 1 === octets.length) return INCOMPLETE
      return octets.readUInt8(index + 1) === LF ? parseLine(octets.toString("latin1", 0, index)) : INVALID
    }
    if (octet < 0x20 || octet > 0x7e) return INVALID
  }
  return known === MAX_TEXT_LENGTH ? INVALID : INCOMPLETE
}

const parseLine = (line: string): ProxyHeader => {
  const length = line.length + 2
  const words = line.split(" ")
  const [, protocol, sourceAddress, destinationAddress, sourcePort, destinationPort] = words
  // Whatever stands behind UNKNOWN is to be ignored.
  if (protocol === "UNKNOWN") return { _tag: "Local", length }
  if (words.length !== 6 || (protocol !== "TCP4" && protocol !== "TCP6")) return INVALID
  const isFamily = protocol === "TCP4" ? NetAddress.isIpv4Address : NetAddress.isIpv6Address
  const source = endpointOfText(sourceAddress, sourcePort, isFamily)
  const destination = endpointOfText(destinationAddress, destinationPort, isFamily)
  return source === undefined || destination === undefined
    ? INVALID
    : { _tag: "Forwarded", length, source, destination }
}

const endpointOfText = (
  address = "",
  port = "",
  isFamily: (address: NetAddress.IpAddress) => boolean
): Endpoint | undefined => {
  const decoded = NetAddress.ipFromString(address)
  if (Result.isFailure(decoded) || !isFamily(decoded.success)) return undefined
  // A leading zero could be taken for an octal number.
  if (!/^(0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65_535) return undefined
  return endpoint(decoded.success, Number(port))
}

const endpoint = (address: NetAddress.IpAddress, port: number): Endpoint => ({
  address: NetAddress.formatIp(NetAddress.toCanonical(address)),
  port
})

/** Octets of a version 2 header in front of its addresses. */
const BINARY_START = 16

const LOCAL_COMMAND = 0x20
const PROXY_COMMAND = 0x21

/** Octets of the addresses by family and transport, section 2.2; SMTP runs over streams, so datagrams are a mistake. */
const ADDRESS_LENGTH: ReadonlyMap<number, number> = new Map([
  [0x00, 0],
  [0x11, 12],
  [0x21, 36],
  [0x31, 216]
])

/** Version 2, section 2.2. What follows the addresses (TLV fields) is skipped. */
const parseBinary = (octets: Buffer): ProxyHeader => {
  if (!mayStartWith(octets, SIGNATURE)) return INVALID
  if (octets.length <= SIGNATURE.length) return INCOMPLETE
  const command = octets.readUInt8(12)
  if (command !== LOCAL_COMMAND && command !== PROXY_COMMAND) return INVALID
  if (octets.length < BINARY_START) return INCOMPLETE
  const payload = octets.readUInt16BE(14)
  if (payload > MAX_BINARY_PAYLOAD) return INVALID
  const family = octets.readUInt8(13)
  if (command === PROXY_COMMAND) {
    const needed = ADDRESS_LENGTH.get(family)
    if (needed === undefined || payload < needed) return INVALID
  }
  const length = BINARY_START + payload
  if (octets.length < length) return INCOMPLETE
  if (command === LOCAL_COMMAND) return { _tag: "Local", length }
  if (family === 0x11) return forwarded(octets, length, 4, NetAddress.ipv4FromBytesUnsafe)
  if (family === 0x21) return forwarded(octets, length, 16, NetAddress.ipv6FromBytesUnsafe)
  return { _tag: "Local", length }
}

/** Source address, destination address, source port, destination port. */
const forwarded = (
  octets: Buffer,
  length: number,
  width: number,
  decode: (bytes: Uint8Array) => NetAddress.IpAddress
): ProxyHeader => {
  const destination = BINARY_START + width
  const ports = destination + width
  return {
    _tag: "Forwarded",
    length,
    source: endpoint(decode(octets.subarray(BINARY_START, destination)), octets.readUInt16BE(ports)),
    destination: endpoint(decode(octets.subarray(destination, ports)), octets.readUInt16BE(ports + 2))
  }
}
