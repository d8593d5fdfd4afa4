/** Messages that take much more memory on their way to the API than they had octets: the budget is asked before it is taken. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGatewayProcess } from "../kit/GatewayProcess.ts"
import { startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"

const MIB = 1024 * 1024
const SIZE = 10 * MIB
const MESSAGES = 8

const bodies: ReadonlyArray<readonly [name: string, contentType: string, line: string]> = [
  ["each of whose octets is six in JSON", "text/plain", `${"\u0001".repeat(76)}\r\n`],
  ["each of whose octets is two in UTF-8", "text/plain; charset=iso-8859-1", `${"\xff".repeat(76)}\r\n`],
  ["of millions of lines that are one paragraph", "text/plain; format=flowed", "> a \r\n"]
]

/** Sends one message and returns the reply to its end, or to DATA if that is refused. */
const send = Effect.fnUntraced(function* (port: number, contentType: string, line: string) {
  const wire = yield* openLoggedInWire(port)
  yield* wire.ask("MAIL FROM:<demo@example.com>")
  yield* wire.ask("RCPT TO:<to@example.com>")
  const begun = yield* wire.ask("DATA")
  if (begun.code !== 354) return begun.raw
  yield* wire.send(`From: demo@example.com\r\nMIME-Version: 1.0\r\nContent-Type: ${contentType}\r\n\r\n`)
  const chunk = Buffer.from(line.repeat(Math.ceil((64 * 1024) / line.length)), "latin1")
  for (let sent = 0; sent < SIZE; sent += chunk.length) yield* wire.send(chunk)
  return (yield* wire.ask(".")).raw
})

describe(`${MESSAGES} messages of 10 MiB at a time against a budget of 64 MiB`, () => {
  for (const [name, contentType, line] of bodies) {
    it.live(
      name,
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const { url } = yield* startSandbox({ maxBytes: 1024 })
            const environment = { MESSAGE_BUDGET: "64 MiB", CAKEMAIL_API_CONTRACT: "gateway-v1" }
            const gateway = yield* startGatewayProcess({ apiUrl: url, environment })
            const resting = (yield* gateway.memory).now
            const replies = yield* Effect.forEach(
              Array.from({ length: MESSAGES }),
              () => Effect.scoped(send(gateway.smtpPort, contentType, line)),
              { concurrency: "unbounded" }
            )
            for (const reply of replies) assert.match(reply, /^(250 2\.0\.0|452 4\.3\.1|552 5\.3\.4) /)
            const { peak } = yield* gateway.memory
            console.log(`expansion: ${Math.round((peak - resting) / MIB)} MiB more than at rest`)
            // The budget, the texts of the one message that is worked on, and as much again that is not collected yet.
            assert.isBelow(peak - resting, 6 * 64 * MIB)
          })
        ),
      60_000
    )
  }
})
