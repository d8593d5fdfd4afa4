import { Buffer } from "node:buffer"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Attachment, Email } from "../../../src/domain/Email.ts"
import { makeMailParser } from "../../../src/layers/mime/MailParserLive.ts"
import { base64Text } from "../../kit/mail.ts"

export const ATTACHMENT_SIZE_LIMIT = 100_000

export const parser = makeMailParser({ attachmentSizeLimit: ATTACHMENT_SIZE_LIMIT })

/** Lines joined by CRLF, each character one octet. */
export const mail = (...lines: ReadonlyArray<string>): Buffer => Buffer.from(lines.join("\r\n"), "latin1")

/** Of bytes given in UTF-8 as the octets that they are. */
export const utf8 = (text: string): string => Buffer.from(text).toString("latin1")

export const decoded = (attachment: Attachment | undefined): string =>
  attachment === undefined ? "" : Buffer.from(base64Text(attachment), "base64").toString("latin1")

/** One test: what the parser makes of the octets, as far as `check` looks at it. */
export const parses = (name: string, source: Buffer, check: (email: Email) => void): void => {
  it.effect(name, () => Effect.map(parser.parse(source), check))
}

export const hasWarning = (email: Email, part: string): void =>
  assert.isTrue(
    email.warnings.some((warning) => warning.includes(part)),
    `no warning about ${part} in ${JSON.stringify(email.warnings)}`
  )
