/** More mail at once than the gateway may hold: who comes too late is told so, the others are served, all is given back. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { measureMemory, type Served } from "../../bench/memoryLoad.ts"

const MIB = 1024 * 1024

const SENDERS = 100
const TRICKLING = 200
const BUDGET = 64 * MIB

/** What TLS, the socket and the session of a connection take. */
const CONNECTION = MIB / 2

/**
 * What senders may take beyond the process at rest. The budget counts messages as they came and as they go out; a buffer
 * that grows, and a mail that is parsed, are there twice for a moment. Then there is what V8 lets gather before it frees
 * buffers that nobody holds, 64 MiB, and their connections.
 */
const MOST_WITH_SENDERS = 2 * BUDGET + 64 * MIB + SENDERS * CONNECTION

/** Those that trickle have connections and hardly any message. */
const MOST_WITH_TRICKLING = TRICKLING * CONNECTION

const mebibytes = (bytes: number) => `${Math.round(bytes / MIB)} MiB`

const told = ({ accepted, deferred, lost }: Served) => `${accepted} accepted, ${deferred} deferred, ${lost} lost`

describe("100 connections with 5 MiB each against a budget of 64 MiB, then 200 that trickle", () => {
  it.live(
    "452 4.3.1 past the budget, 250 within, and clients among them are mostly served",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { between, resting, sending, trickling } = yield* measureMemory({
            clients: 5,
            senders: SENDERS,
            messageSize: 5 * MIB,
            trickling: TRICKLING,
            tricklingFor: 5,
            perStep: 32 * 1024,
            pause: Duration.millis(50),
            environment: { MESSAGE_BUDGET: `${BUDGET}`, MESSAGE_SIZE_LIMIT: "6 MiB" }
          })
          console.log(
            [
              `memory: ${sending.accepted} accepted, ${sending.refused} refused; held at most ${Math.round(sending.held / MIB)} MiB of messages`,
              `clients among them: ${told(sending.served)}; among ${trickling.connected} that trickle: ${told(trickling.served)}`,
              `resident: ${mebibytes(resting)}, with the senders at most ${mebibytes(sending.peak - resting)} more; then ${mebibytes(between)}, with those that trickle at most ${mebibytes(trickling.peak - between)} more`
            ].join("\n")
          )
          assert.strictEqual(sending.lost, 0)
          assert.strictEqual(sending.accepted + sending.refused, SENDERS)
          assert.isAtLeast(sending.accepted, 1)
          // Room that is given back lets later ones in, so there is no exact number; but most come too late.
          assert.isAbove(sending.refused, 3 * sending.accepted)
          assert.isAtMost(sending.held, BUDGET)
          assert.isAbove(sending.served.accepted, sending.served.deferred)
          assert.strictEqual(sending.served.lost, 0)

          assert.strictEqual(trickling.connected, TRICKLING)
          assert.isAbove(trickling.served.accepted, 0)
          assert.strictEqual(trickling.served.deferred + trickling.served.lost, 0)
          assert.isBelow(sending.peak - resting, MOST_WITH_SENDERS)
          assert.isBelow(trickling.peak - between, MOST_WITH_TRICKLING)
        })
      ),
    60_000
  )
})
