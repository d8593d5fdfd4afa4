/**
 * What hostile clients can make the gateway hold: `npm run bench:memory` (`-- --small` for a tenth of it).
 *
 * First connections that each send a message of 25 MB slowly, then connections that trickle the octets of a command,
 * while one client sends a mail after another. Prints the gateway's resident memory and how that client fared; exits
 * with 1 when memory passed its goal or the client was left without a reply.
 */
import { Data, Duration, Effect } from "effect"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { measureMemory } from "./memoryLoad.ts"

const MIB = 1024 * 1024
const GOAL = 1024 * MIB

class GoalMissed extends Data.TaggedError("GoalMissed") {}

const small = process.argv.includes("--small")
const load = small
  ? { senders: 100, messageSize: 5 * MIB, trickling: 200, perStep: 64 * 1024, pause: Duration.millis(50) }
  : { senders: 1_000, messageSize: 25 * MIB - 4096, trickling: 2_000, perStep: 64 * 1024, pause: Duration.millis(250) }

const megabytes = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`

NodeRuntime.runMain(
  Effect.gen(function* () {
    const { accepted, client, lost, peak, refused, resting, settled, trickled } = yield* measureMemory({
      ...load,
      environment: { MAX_CONNECTIONS_PER_POD: `${Math.max(load.senders, load.trickling) + 10}` }
    })
    console.log(`${load.senders} connections with ${megabytes(load.messageSize)} each, sent slowly`)
    console.log(`  accepted                    ${accepted}`)
    console.log(`  refused (452 4.3.1)         ${refused}`)
    console.log(`  without a reply             ${lost}`)
    console.log(`${load.trickling} connections with octets of a command now and then`)
    console.log(`  held                        ${trickled}`)
    console.log(`a client among them`)
    console.log(`  mails accepted              ${client.accepted}`)
    console.log(`  told to try again (4xx)     ${client.deferred}`)
    console.log(`  without a reply             ${client.lost}`)
    console.log(`resident at the start         ${megabytes(resting)}`)
    console.log(`resident at most              ${megabytes(peak)} (goal: below ${megabytes(GOAL)})`)
    console.log(`resident at the end           ${megabytes(settled)}`)
    if (peak >= GOAL || lost > 0 || client.lost > 0 || client.accepted === 0) return yield* new GoalMissed()
  }).pipe(Effect.scoped)
)
