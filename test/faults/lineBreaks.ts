/** Octets that break a line for somebody, and where they must not turn up. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { GatewayProcess } from "../kit/GatewayProcess.ts"
import { eventually } from "../kit/SandboxKit.ts"

/** What ends a line for somebody: terminals, log shippers, old parsers. */
export const BREAKS = ["\r", "\n", "\r\n", "\v", "\f", "\u0085", "\u2028", "\u2029", "\0", "\x1b[2K", "\x7f", "\x9b"]

export const EVIL = "250 2.0.0 evil"

/** One reply a line, nothing but printable ASCII in it. */
export const assertWellFormed = (received: string): void => {
  assert.match(received, /^(?:\d{3}[ -][\x20-\x7e]{0,506}\r\n)*$/)
  assert.notMatch(received, /^250[ -]2\.0\.0 evil/m)
}

/** Each is one JSON object without anything that breaks a line for anybody. */
export const assertLinesOf = Effect.fnUntraced(function* (gateway: GatewayProcess, wanted: ReadonlyArray<string>) {
  yield* eventually(
    Effect.map(gateway.log, (lines) =>
      wanted.every((event) => lines.some((line) => line.includes(`"event":"${event}"`)))
    )
  )
  const lines = yield* gateway.log
  for (const line of lines) {
    assert.notMatch(line, /[\x00-\x1f\x7f-\x9f\u2028\u2029]/)
    const parsed: unknown = JSON.parse(line)
    assert.isTrue(typeof parsed === "object" && parsed !== null && "timestamp" in parsed && "event" in parsed, line)
    assert.notInclude(line, Buffer.from("\0demo@example.com\0demo").toString("base64"))
  }
  return lines
})
