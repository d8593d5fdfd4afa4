/** More mail at once than the gateway may hold: who comes too late is told so, the others are served, all is given back. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { measureMemory } from "../../bench/memoryLoad.ts"

const MIB = 1024 * 1024

describe("100 connections with 5 MiB each against a budget of 64 MiB, then 200 that trickle", () => {
  it.live("452 4.3.1 past the budget, 250 within, and a client among them is served", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { accepted, client, lost, peak, refused, trickled } = yield* measureMemory({
          senders: 100,
          messageSize: 5 * MIB,
          trickling: 200,
          perStep: 256 * 1024,
          pause: Duration.millis(50),
          environment: { MESSAGE_BUDGET: "64 MiB" }
        })
        console.log(
          `memory: ${accepted} accepted, ${refused} refused, ${trickled} trickling; a client among them: ${client.accepted} accepted, ${client.deferred} deferred; at most ${Math.round(peak / MIB)} MiB`
        )
        assert.strictEqual(lost, 0)
        assert.strictEqual(accepted + refused, 100)
        assert.isAtLeast(accepted, 1)
        // Room that is given back lets later ones in, so there is no exact number; but most come too late.
        assert.isAbove(refused, 3 * accepted)
        assert.strictEqual(client.lost, 0)
        assert.isAbove(client.accepted, 0)
        assert.strictEqual(trickled, 200)
        assert.isBelow(peak, 1024 * MIB)
      })
    )
  )
})
