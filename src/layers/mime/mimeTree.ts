/**
 * The structure of a message: which octets are which part (RFC 2046 section 5.1).
 *
 * The octets lie in one buffer and are never copied; a part is a range of them. mailsplit, on which mailparser
 * stands, is a stream of lines that knows the boundary of a part's own multipart only: where an inner multipart
 * lacks its end it swallows the rest of the message. Here every enclosing boundary counts, as RFC 2046 section
 * 5.1.2 asks, so does a boundary with blanks behind it, and all three line ends.
 *
 * Time is linear in the size times the nesting limit, whatever the message holds.
 */
import { Buffer } from "node:buffer"
import { Result } from "effect"
import { MimeLimitExceeded } from "../../domain/GatewayError.ts"
import { type Content, readContent } from "./contentFields.ts"
import { type Field, MAX_HEADER_BYTES, readHeaderBlock } from "./headerBlock.ts"
import { CR, DASH, LF, lineEnd, nextLine, previousLineEnd, skipBlanks } from "./lines.ts"
import { decodeContent } from "./transferEncoding.ts"
import type { Warnings } from "./Warnings.ts"

/** Multiparts inside each other. */
export const MAX_NESTING = 10
export const MAX_PARTS = 1000

export interface MimePart {
  readonly fields: ReadonlyArray<Field>
  readonly content: Content
  /** What the offsets count in: the message, or the decoded body of a multipart that was encoded as a whole. */
  readonly source: Buffer
  /** Offset of the first octet of the body. */
  readonly start: number
  /** Offset behind the last one; the line break before a boundary belongs to the boundary. */
  readonly end: number
  /** Empty unless it is a multipart. */
  readonly children: ReadonlyArray<MimePart>
}

export const readMimeTree = (source: Buffer, warnings: Warnings): Result.Result<MimePart, MimeLimitExceeded> => {
  const reader = new TreeReader(warnings)
  const start = source[0] === 0xef && source[1] === 0xbb && source[2] === 0xbf ? 3 : 0
  const root = reader.readPart(source, start, source.length, [], "text/plain", 1)
  if (isMultipart(root)) reader.readChildren(root)
  return reader.exceeded === undefined ? Result.succeed(root) : Result.fail(reader.exceeded)
}

interface OpenPart extends MimePart {
  content: Content
  source: Buffer
  start: number
  end: number
  readonly children: Array<OpenPart>
  /** How many multiparts it is in, itself included if it is one. */
  readonly level: number
  /** Its end came before any part. */
  closed: boolean
}

/** A multipart whose end has not come yet. */
interface OpenMultipart {
  readonly part: OpenPart
  readonly boundary: Buffer
}

/** A line that ends a part. */
interface Delimiter {
  readonly at: number
  /** Where the line after it begins. */
  readonly next: number
  /** Index into the open multiparts. */
  readonly index: number
  /** It has the two dashes that end the multipart. */
  readonly closing: boolean
}

class TreeReader {
  exceeded: MimeLimitExceeded | undefined
  private parts = 0
  private readonly warnings: Warnings

  constructor(warnings: Warnings) {
    this.warnings = warnings
  }

  readPart(
    source: Buffer,
    at: number,
    end: number,
    open: ReadonlyArray<OpenMultipart>,
    defaultType: string,
    level: number
  ): OpenPart {
    const isDelimiter = (line: number) => delimiterAt(source, line, end, open) !== undefined
    const { bodyStart, fields } = readHeaderBlock(source, at, end, isDelimiter, this.warnings)
    if (bodyStart - at > MAX_HEADER_BYTES) this.exceed("headers", MAX_HEADER_BYTES)
    const content = readContent(fields, defaultType, this.warnings)
    const part: OpenPart = { fields, content, source, start: bodyStart, end, children: [], level, closed: false }
    if (isMultipart(part) && level > MAX_NESTING) this.exceed("nesting", MAX_NESTING)
    return part
  }

  /** Reads the parts of a multipart whose range is known, and of those inside it. */
  readChildren(multipart: OpenPart): void {
    const childless: Array<OpenPart> = []
    this.split(multipart, childless)
    for (const part of childless) {
      if (this.exceeded !== undefined) return
      this.repair(part)
    }
  }

  /** `childless` receives the multiparts that turned out to have no parts: all is not as their headers say. */
  private split(multipart: OpenPart, childless: Array<OpenPart>): void {
    const { end } = multipart
    // Nothing behind the end is searched: there may be as many repaired multiparts as parts.
    const source = multipart.source.subarray(0, end)
    const dashes = new DashedLines(source)
    const open: Array<OpenMultipart> = []
    const enter = (part: OpenPart) => {
      if (part.content.boundary === undefined) childless.push(part)
      else open.push({ part, boundary: Buffer.from(part.content.boundary) })
    }
    const leave = (until: number, at: number) => {
      while (open.length > until) {
        const left = open.pop()
        if (left === undefined) return
        left.part.end = Math.max(left.part.start, at)
        if (left.part.children.length === 0) childless.push(left.part)
      }
    }
    let leaf: OpenPart | undefined
    let at = multipart.start
    enter(multipart)
    while (open.length > 0 && this.exceeded === undefined) {
      const delimiter = nextDelimiter(source, at, dashes, open)
      if (delimiter === undefined) break
      at = delimiter.next
      const before = previousLineEnd(source, leaf?.start ?? multipart.start, delimiter.at)
      if (leaf !== undefined) leaf.end = Math.max(leaf.start, before)
      leaf = undefined
      if (open.length > delimiter.index + 1) {
        this.warnings.add("final boundary missing")
        leave(delimiter.index + 1, before)
      }
      const owner = open[delimiter.index]?.part
      if (owner === undefined) break
      if (delimiter.closing) {
        // An end before any part is a stray line of the preamble.
        if (owner.children.length > 0) leave(delimiter.index, before)
        else owner.closed = true
        continue
      }
      if (++this.parts > MAX_PARTS) return this.exceed("parts", MAX_PARTS)
      const defaultType = owner.content.type === "multipart/digest" ? "message/rfc822" : "text/plain"
      const child = this.readPart(source, at, end, open, defaultType, owner.level + 1)
      owner.children.push(child)
      at = child.start
      if (isMultipart(child)) enter(child)
      // A multipart without a boundary has a range like a leaf.
      if (open.at(-1)?.part !== child) leaf = child
    }
    if (open.length > 0) this.warnings.add("final boundary missing")
    leave(0, end)
  }

  /** A multipart in which its boundary never came: encoded as a whole, under another boundary, or no multipart at all. */
  private repair(part: OpenPart): void {
    const { encoding } = part.content
    if (encoding === "base64" || encoding === "quoted-printable") {
      this.warnings.add("transfer encoding of a multipart undone")
      part.source = decodeContent({ ...part, encoding }, this.warnings)
      part.start = 0
      part.end = part.source.length
      part.content = { ...part.content, encoding: "" }
      return this.readChildren(part)
    }
    const { boundary } = part.content
    const guess = part.closed || part.start >= part.end ? undefined : guessBoundary(part)
    if (guess !== undefined && guess !== boundary) {
      this.warnings.add("boundary guessed")
      part.content = { ...part.content, boundary: guess }
      return this.readChildren(part)
    }
    if (part.closed) return this.warnings.add("multipart without parts")
    this.warnings.add("multipart without its boundary read as text")
    part.content = { ...part.content, type: "text/plain" }
  }

  private exceed(limit: MimeLimitExceeded["limit"], maximum: number): void {
    this.exceeded ??= new MimeLimitExceeded({ limit, maximum })
  }
}

const isMultipart = (part: MimePart): boolean => part.content.type.startsWith("multipart/")

/** The first boundary line at or behind `at`, where a line begins. */
const nextDelimiter = (
  source: Buffer,
  at: number,
  dashes: DashedLines,
  open: ReadonlyArray<OpenMultipart>
): Delimiter | undefined => {
  const end = source.length
  let line = at
  while (line < end) {
    if (source[line] === DASH && source[line + 1] === DASH) {
      const delimiter = delimiterAt(source, line, end, open)
      if (delimiter !== undefined) return delimiter
      line = nextLine(source, lineEnd(source, line, end), end)
    } else line = dashes.next(line)
  }
  return undefined
}

/** Finds lines that begin with two dashes by native search, which crosses a large attachment in no time. */
class DashedLines {
  private afterLf = -1
  private afterCr = -1
  private readonly source: Buffer

  constructor(source: Buffer) {
    this.source = source
  }

  /** The first such line behind `at`, or the end. Calls come in ascending order: what was found ahead is kept. */
  next(at: number): number {
    if (this.afterLf <= at) this.afterLf = this.find("\n--", at)
    if (this.afterCr <= at) this.afterCr = this.find("\r--", at)
    return Math.min(this.afterLf, this.afterCr)
  }

  private find(dashes: string, at: number): number {
    const found = this.source.indexOf(dashes, at, "latin1")
    return found < 0 ? this.source.length : found + 1
  }
}

/** The innermost open multipart wins, so that `a` and `ab` stay apart by the whole line and equal ones by their nesting. */
const delimiterAt = (
  source: Buffer,
  at: number,
  end: number,
  open: ReadonlyArray<OpenMultipart>
): Delimiter | undefined => {
  if (source[at + 1] !== DASH) return undefined
  for (let index = open.length - 1; index >= 0; index--) {
    const boundary = open[index]?.boundary
    if (boundary === undefined || !startsWith(source, at + 2, boundary)) continue
    const tail = at + 2 + boundary.length
    if (tail > end) continue
    const closing = source[tail] === DASH && source[tail + 1] === DASH && tail + 2 <= end
    const stop = skipBlanks(source, closing ? tail + 2 : tail, end)
    if (stop < end && source[stop] !== CR && source[stop] !== LF) continue
    return { at, next: nextLine(source, stop, end), index, closing }
  }
  return undefined
}

const startsWith = (source: Buffer, at: number, prefix: Buffer): boolean => {
  for (let index = 0; index < prefix.length; index++) if (source[at + index] !== prefix[index]) return false
  return true
}

/** How far into a multipart a boundary is looked for that its header does not tell. */
const GUESS_OCTETS = 65_536

/** The first line of dashes and a name that has headers, or the blank line in place of them, behind it. */
const guessBoundary = (part: MimePart): string | undefined => {
  const sample = part.source.toString("latin1", part.start, Math.min(part.end, part.start + GUESS_OCTETS))
  const guess = /(?:^|[\r\n])--([!-,.-~][ -~]{0,199})(?:\r\n|\r|\n)(?=content-|[\r\n])/i.exec(sample)?.[1]
  return guess?.trimEnd()
}
