/** The trace line that the gateway adds (RFC 5321 section 4.4). */
import type { Transit } from "../../domain/Submission.ts"

/** The value of a Received header, one line. */
export const receivedHeader = (transit: Transit, hostname: string, id: string, showClientAddress: boolean): string => {
  const client = showClientAddress ? ` ([${addressLiteral(transit.clientAddress)}])` : ""
  return `from ${atomText(transit.clientName)}${client} by ${hostname} with ${transit.protocol} id ${id}; ${mailDate(transit.receivedAt)}`
}

/** RFC 5322 section 3.3, in UTC, of milliseconds of the epoch. */
const mailDate = (millis: number): string => new Date(millis).toUTCString().replace(/GMT$/, "+0000")

/** RFC 5321 section 4.1.3. */
const addressLiteral = (address: string): string => (address.includes(":") ? `IPv6:${address}` : address)

/** The client chose this text: nothing in it may look like another part of the line. */
const atomText = (name: string): string => {
  const text = name.replace(/[^A-Za-z0-9.:_[\]-]/g, "").slice(0, 255)
  return text === "" ? "unknown" : text
}
