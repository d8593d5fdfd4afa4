import type { LogValue } from "./LogEvent.ts"
import type { LogFormat } from "./LogLine.ts"

/** For people at a terminal: local time, level, event, `name=value` of each field, the cause on lines of its own. */
export const prettyFormat =
  (colours: boolean): LogFormat =>
  ({ cause, date, event, fields, level }) => {
    const paint = (text: string, colour: number): string => (colours ? `\u001b[${colour}m${text}\u001b[0m` : text)
    let line = `${paint(clock(date), DIM)} ${paint(level.toUpperCase().padEnd(5), LEVEL_COLOUR[level] ?? DIM)} `
    line += paint(printable(event), BOLD)
    for (const name in fields) {
      const value = fields[name]
      if (value !== undefined) line += ` ${paint(`${printable(name)}=`, DIM)}${shown(value)}`
    }
    if (cause !== undefined) {
      for (const causeLine of cause.split("\n")) line += `\n    ${printable(causeLine)}`
    }
    return `${line}\n`
  }

const BOLD = 1
const DIM = 2

const LEVEL_COLOUR: Readonly<Record<string, number>> = { Debug: 34, Info: 32, Warn: 33, Error: 31, Fatal: 35 }

const clock = (date: Date): string =>
  `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}.${`${date.getMilliseconds()}`.padStart(3, "0")}`

const twoDigits = (value: number): string => `${value}`.padStart(2, "0")

/** Quoted unless it is one word. */
const shown = (value: LogValue): string =>
  printable(typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value))

/** What comes from a client must not move the cursor. */
const printable = (text: string): string =>
  text.replace(
    /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
