/** The octets of a mail as a client sends them after 354, with a Message-ID that differs from mail to mail. */
import { randomBytes } from "node:crypto"
import type { MessageShape } from "./LoadPlan.ts"

export interface Message {
  /** Dots doubled, the final dot included. */
  readonly octets: Buffer
  /** Where in them the number of the mail stands. */
  readonly stampAt: number
}

/** Gives the mail another Message-ID: else it would be a duplicate, and answered without a call to the API. */
export const stamp = (octets: Buffer, stampAt: number, serial: number): void => {
  octets.write(serial.toString(16).padStart(STAMP_LENGTH, "0"), stampAt, "latin1")
}

export const makeMessage = (shape: MessageShape, sender: string, recipient: string): Message => {
  const text: Part = {
    headers: shape.dotted
      ? ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 7bit"]
      : ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable"],
    body: shape.dotted ? repeated(DOTTED_LINE, shape.text) : repeated(TEXT_LINE, shape.text)
  }
  const html: Part = {
    headers: ["Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable"],
    body: `<html><body>\r\n${repeated(HTML_LINE, shape.html)}</body></html>\r\n`
  }
  const content = shape.html === 0 ? text : multipart("alternative", "alternative-0001", [text, html])
  const whole = shape.attachment === 0 ? content : multipart("mixed", "mixed-0001", [content, ...attachments(shape)])
  const head = [
    `From: "Shop" <${sender}>`,
    `To: <${recipient}>`,
    "Subject: =?utf-8?Q?Your_order_=E2=84=96_4711?= has been shipped",
    "Date: Sat, 21 Nov 2026 10:00:00 +0000",
    `Message-ID: <${"0".repeat(STAMP_LENGTH)}.${thisLoad()}@bench.example.com>`,
    "MIME-Version: 1.0",
    ...whole.headers
  ]
  const octets = Buffer.from(`${head.join("\r\n")}\r\n\r\n${whole.body}.\r\n`, "latin1")
  return { octets, stampAt: octets.indexOf("Message-ID: <") + "Message-ID: <".length }
}

interface Part {
  readonly headers: ReadonlyArray<string>
  /** With its line breaks, the last one included. */
  readonly body: string
}

const STAMP_LENGTH = 12

/** What an earlier load of the same server had is a duplicate too. */
const thisLoad = () => randomBytes(6).toString("hex")

const TEXT_LINE = "Dear customer, your order n=C2=B0 4711 left our warehouse caf=C3=A9 =\r\nthis morning.\r\n"
const HTML_LINE =
  '<p style=3D"margin:0 0 12px">Your order <b>n=C2=B0 4711</b> left our =\r\nwarehouse <a href=3D"https://shop.example.com/o/4711">this morning</a>.</p>\r\n'
/** As it is on the wire: the line itself has one dot. */
const DOTTED_LINE = "..profile { margin: 0 }\r\n"

/** Whole lines, and no more than one line beyond the size. */
const repeated = (line: string, size: number): string => line.repeat(Math.ceil(size / line.length))

const multipart = (subtype: string, boundary: string, parts: ReadonlyArray<Part>): Part => ({
  headers: [`Content-Type: multipart/${subtype}; boundary="${boundary}"`],
  body: `${parts.map(({ body, headers }) => `--${boundary}\r\n${headers.join("\r\n")}\r\n\r\n${body}`).join("")}--${boundary}--\r\n`
})

const BASE64_LINE = 76

const attachments = (shape: MessageShape): ReadonlyArray<Part> =>
  Array.from({ length: shape.attachments }, (_, index) =>
    attachment(shape.attachment, index === 0 ? "invoice.pdf" : `invoice-${index + 1}.pdf`)
  )

const attachment = (size: number, name: string): Part => {
  const base64 = noise(size).toString("base64")
  const lines: Array<string> = []
  for (let at = 0; at < base64.length; at += BASE64_LINE) lines.push(base64.slice(at, at + BASE64_LINE))
  return {
    headers: [
      `Content-Type: application/pdf; name="${name}"`,
      "Content-Transfer-Encoding: base64",
      `Content-Disposition: attachment; filename="${name}"`
    ],
    body: `${lines.join("\r\n")}\r\n`
  }
}

/** Octets without a pattern, the same ones each time. */
const noise = (size: number): Buffer => {
  const octets = Buffer.allocUnsafe(size)
  let state = 1
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    octets[at] = state >>> 24
  }
  return octets
}
