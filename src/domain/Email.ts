/** One header field, unfolded. Duplicates stay apart and in order. */
export interface Header {
  /** As the client spelled it. */
  readonly name: string
  /** Encoded words (RFC 2047) are decoded; never contains CR, LF or NUL. */
  readonly value: string
}

/** An address with the name shown beside it; the name is empty when there is none. */
export interface Mailbox {
  readonly address: string
  readonly name: string
}

/** A part of the message that is a file rather than a body. */
export interface Attachment {
  /** Decoded (RFC 2231 and RFC 2047); absent when neither a name nor a file name was given. */
  readonly fileName: string | undefined
  /** Lower case, without parameters, for example `application/pdf`. */
  readonly contentType: string
  /** Without angle brackets. */
  readonly contentId: string | undefined
  /** Disposition `inline`, or referred to by Content-ID from the HTML body. */
  readonly inline: boolean
  /**
   * The content as padded base64 without line breaks, ready for both API contracts. In octets, which go out as they are:
   * a string of that length would be copied, and looked at by the garbage collector for as long as it lives.
   */
  readonly base64: Uint8Array
  /** Bytes of the decoded content. */
  readonly size: number
}

/** A parsed message: what the Cakemail API needs to know of it, and nothing of the envelope. */
export interface Email {
  readonly headers: ReadonlyArray<Header>
  readonly from: Mailbox | undefined
  readonly replyTo: ReadonlyArray<Mailbox>
  readonly to: ReadonlyArray<Mailbox>
  readonly cc: ReadonlyArray<Mailbox>
  /** Decoded; empty when there is none. */
  readonly subject: string
  /** With angle brackets, as the client sent it; absent when the client sent none. */
  readonly messageId: string | undefined
  readonly text: string | undefined
  readonly html: string | undefined
  readonly attachments: ReadonlyArray<Attachment>
  /** What was repaired or left out on the way, for the log; contains no content of the message. */
  readonly warnings: ReadonlyArray<string>
}

/** The value of the first header of that name, compared without case. */
export const headerValue = (email: Pick<Email, "headers">, name: string): string | undefined => {
  const wanted = name.toLowerCase()
  return email.headers.find((header) => header.name.toLowerCase() === wanted)?.value
}
