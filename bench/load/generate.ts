/**
 * The load generator as a process: `node bench/load/generate.ts '{"port": 2587, "connections": 10}'`. The fields are
 * those of LoadPlan.ts, what it tells those of LoadReport.ts. With `stay` behind the plan it stays until it is ended, so
 * that what it used can be read after its last line.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Schema } from "effect"
import { decodeLoadPlan } from "./LoadPlan.ts"
import { LoadLine } from "./LoadReport.ts"
import { runLoad } from "./runLoad.ts"

const encodeLine = Schema.encodeSync(LoadLine)

const USAGE = `Give a plan as JSON, for example
  npm run bench:load -- '{"port": 2587, "connections": 10, "seconds": 5}'
Its fields are in bench/load/LoadPlan.ts.`

const [given = "--help", more] = process.argv.slice(2)

NodeRuntime.runMain(
  Effect.gen(function* () {
    if (given === "--help" || given === "-h") return yield* Console.log(USAGE)
    const plan = yield* decodeLoadPlan(given)
    const report = yield* runLoad(plan, (kind, at) => void process.stdout.write(`${encodeLine({ kind, at })}\n`))
    yield* Console.log(encodeLine({ kind: "report", report }))
    if (more === "stay") return yield* Effect.never
  }).pipe(Effect.tapError(({ message }) => Console.error(message))),
  { disableErrorReporting: true }
)
