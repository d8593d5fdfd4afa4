/**
 * The load generator as a process: `node bench/load/generate.ts '{"port": 2587, "connections": 10}'`. The fields are
 * those of LoadPlan.ts, what it tells those of LoadReport.ts. With `stay` behind the plan it stays until it is ended, so
 * that what it used can be read after its last line.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Schema } from "effect"
import { LoadPlan } from "./LoadPlan.ts"
import { LoadLine } from "./LoadReport.ts"
import { runLoad } from "./runLoad.ts"

const encodeLine = Schema.encodeSync(LoadLine)

NodeRuntime.runMain(
  Effect.gen(function* () {
    const plan = yield* Schema.decodeEffect(Schema.fromJsonString(LoadPlan))(process.argv[2] ?? "{}")
    const report = yield* runLoad(plan, (kind, at) => void process.stdout.write(`${encodeLine({ kind, at })}\n`))
    yield* Console.log(encodeLine({ kind: "report", report }))
    if (process.argv[3] === "stay") return yield* Effect.never
  })
)
