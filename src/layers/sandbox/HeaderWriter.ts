/** Header fields as they go over the wire: encoded words (RFC 2047), parameters (RFC 2231), folding (RFC 5322). */
import type { Mailbox } from "../../domain/Email.ts"

/** Fields that hold addresses: only the names in them may be encoded. */
const ADDRESS_FIELDS = new Set(["to", "cc", "reply-to", "sender", "return-path", "resent-from", "resent-to"])

export const encodeHeader = (name: string, value: string): string => {
  const line = oneLine(value)
  if (isAscii(line)) return line
  return ADDRESS_FIELDS.has(name.toLowerCase()) ? encodeAddresses(line) : encodeWords(line)
}

/** Unstructured text (RFC 2047 section 5 (1)), as encoded words when it is not ASCII. */
export const encodeWords = (text: string): string => {
  const line = oneLine(text)
  // What looks like an encoded word would be decoded by readers: it is encoded so that it stays.
  if (isAscii(line) && !line.includes("=?")) return line
  const words: Array<string> = []
  let word = ""
  let bytes = 0
  for (const character of line) {
    const size = Buffer.byteLength(character)
    // 45 bytes make 60 characters of base64: with its frame an encoded word stays under 75.
    if (bytes + size > 45) {
      words.push(encodedWord(word))
      word = ""
      bytes = 0
    }
    word += character
    bytes += size
  }
  words.push(encodedWord(word))
  return words.join(" ")
}

export const encodeMailbox = ({ address, name }: Mailbox): string => {
  if (name === "") return oneLine(address)
  return `${encodePhrase(oneLine(name))} <${oneLine(address)}>`
}

/** `name=value`, quoted, or in the extended form when the value is not ASCII. */
export const encodeParameter = (name: string, value: string): string => {
  const line = oneLine(value)
  return isAscii(line)
    ? `${name}="${line.replace(/["\\]/g, "\\$&")}"`
    : `${name}*=utf-8''${encodeURIComponent(line.toWellFormed()).replace(/['()*]/g, percentEncode)}`
}

/** Broken at spaces, so that lines stay within 78 characters where the value lets them. */
export const foldHeader = (name: string, value: string): string => {
  const lines: Array<string> = []
  let line = `${name}:`
  for (const word of value.split(" ")) {
    // Some readers stumble over a value that starts on the second line: only an encoded word, which has to
    // keep to 76 characters (RFC 2047 section 2), may do so.
    const breakable = line !== `${name}:` || word.startsWith("=?")
    if (breakable && word !== "" && line.trim() !== "" && line.length + word.length + 1 > 76) {
      lines.push(line)
      line = ""
    }
    line += ` ${word}`
  }
  lines.push(line)
  return lines.join("\r\n")
}

const encodePhrase = (phrase: string): string => {
  if (!isAscii(phrase)) return encodeWords(phrase)
  return /^[\w !#$%&'*+/=?^`{|}~-]*$/.test(phrase) && !phrase.includes("=?")
    ? phrase
    : `"${phrase.replace(/["\\]/g, "\\$&")}"`
}

/** Quoted names as a whole, then runs of words that are not ASCII; addresses stay as they are (RFC 6532). */
const encodeAddresses = (line: string): string => {
  const unquoted = line.replace(/"((?:[^"\\]|\\.)*)"(?!@)/g, (quoted: string, content: string) =>
    isAscii(quoted) ? quoted : encodeWords(content.replace(/\\(.)/g, "$1"))
  )
  const words: Array<string> = []
  let run: Array<string> = []
  const endRun = () => {
    if (run.length > 0) words.push(encodeWords(run.join(" ")))
    run = []
  }
  for (const word of unquoted.split(" ")) {
    if (!isAscii(word) && !/[<>@",;]/.test(word)) {
      run.push(word)
      continue
    }
    endRun()
    words.push(word)
  }
  endRun()
  return words.join(" ")
}

const encodedWord = (text: string): string => `=?utf-8?B?${Buffer.from(text, "utf8").toString("base64")}?=`

const isAscii = (text: string): boolean => /^[\x20-\x7e\t]*$/.test(text)

const oneLine = (text: string): string => text.replace(/[\r\n\0]+[ \t]*/g, " ")

const percentEncode = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
