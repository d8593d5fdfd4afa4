/**
 * What hostile clients can make the gateway hold: `npm run bench:memory` (`-- --small` for a tenth of it).
 *
 * First connections that each send a message of 25 MB slowly, then connections that trickle: in commands, in the TLS
 * handshake, in AUTH, in DATA. One client sends a mail after another all the while. Prints the gateway's resident memory
 * and how that client fared; exits with 1 when memory passed its goal, or the client was not mostly served.
 */
import { Duration, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { measureMemory, type Served } from "./memoryLoad.ts"
import { BenchFailed } from "./runner/processes.ts"
import { runMain } from "./runner/runMain.ts"

const MIB = 1024 * 1024
const GOAL = 1024 * MIB

/** For `--small`. */
const SMALL = {
  clients: 1,
  senders: 100,
  messageSize: 5 * MIB,
  trickling: 200,
  tricklingFor: 5,
  perStep: 64 * 1024,
  pause: Duration.millis(50)
}

const WHOLE = {
  clients: 1,
  senders: 1_000,
  messageSize: 25 * MIB - 4096,
  trickling: 2_000,
  tricklingFor: 8,
  perStep: 64 * 1024,
  pause: Duration.millis(250)
}

const megabytes = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`

const printServed = ({ accepted, deferred, lost }: Served): void => {
  console.log(`  a client among them: mails`)
  console.log(`    accepted                  ${accepted}`)
  console.log(`    told to try again (4xx)   ${deferred}`)
  console.log(`    without a reply           ${lost}`)
}

const mostlyServed = ({ accepted, deferred, lost }: Served): boolean => accepted > deferred && lost === 0

const command = Command.make(
  "bench:memory",
  {
    small: Flag.Boolean("small").pipe(Flag.withDescription("A tenth of the load"), Flag.withDefault(false))
  },
  Effect.fnUntraced(function* ({ small }) {
    const load = small ? SMALL : WHOLE
    const { resting, sending, settled, trickling } = yield* measureMemory({
      ...load,
      environment: { MAX_CONNECTIONS_PER_POD: `${Math.max(load.senders, load.trickling) + 10}` }
    })
    console.log(`${load.senders} connections with ${megabytes(load.messageSize)} each, sent slowly`)
    console.log(`  accepted                    ${sending.accepted}`)
    console.log(`  refused (452 4.3.1)         ${sending.refused}`)
    console.log(`  without a reply             ${sending.lost}`)
    console.log(`  message bytes held at most  ${megabytes(sending.held)}`)
    printServed(sending.served)
    console.log(`${load.trickling} connections that trickle in commands, handshakes, AUTH and DATA`)
    console.log(`  connected at the end        ${trickling.connected}`)
    printServed(trickling.served)
    console.log(`resident at the start         ${megabytes(resting)}`)
    const peak = Math.max(sending.peak, trickling.peak)
    console.log(`resident at most              ${megabytes(peak)} (goal: below ${megabytes(GOAL)})`)
    console.log(`resident at the end           ${megabytes(settled)}`)
    const served = mostlyServed(sending.served) && mostlyServed(trickling.served)
    if (peak >= GOAL) return yield* new BenchFailed({ reason: "the memory is past its goal" })
    if (sending.lost > 0 || !served) return yield* new BenchFailed({ reason: "clients were not served" })
  }, Effect.scoped)
).pipe(Command.withDescription("Weigh the gateway under hostile clients"))

command.pipe(Command.run({ version: "1" }), runMain)
