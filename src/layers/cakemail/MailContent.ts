/** What both contracts want of the readable part of a mail. */

export interface PlainContent {
  /** Never empty. */
  readonly subject: string
  readonly text: string | undefined
  readonly html: string | undefined
}

/** Neither contract takes a mail without subject or body. */
export const plainContent = (subject: string, text: string | undefined, html: string | undefined): PlainContent => {
  const givenText = text === "" ? undefined : text
  const givenHtml = html === "" ? undefined : html
  return {
    subject: subject.trim() === "" ? "(no subject)" : subject,
    text: givenText === undefined && givenHtml === undefined ? " " : givenText,
    html: givenHtml
  }
}

/** RFC 5322 section 3.6.4. */
export const makeMessageId = (unique: string, hostname: string): string => `<${unique}@${hostname}>`
