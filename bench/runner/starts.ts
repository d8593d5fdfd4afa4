/** How long the gateway takes from nothing to ready, as a new process; what it reads is in the page cache already. */
import { Console, Effect } from "effect"
import { join } from "node:path"
import { now } from "../load/clock.ts"
import { STARTS } from "../scenarios.ts"
import { build } from "./build.ts"
import { type Figures, spreads } from "./figures.ts"
import { startProcess } from "./processes.ts"
import type { ScenarioResult } from "./report.ts"
import { gatewayCommand, rootDirectory, startGateway, type Workplace } from "./subjects.ts"

/** Milliseconds until /health/ready says 200: of what `npm run build` makes, of the source, and of node with nothing to do. */
export const measureStarts = Effect.fnUntraced(function* (workplace: Workplace, repeats: number) {
  yield* build
  const { builtProgram, environment, options, program, rest } = yield* gatewayCommand
  const gateway = (path: string) =>
    Effect.asVoid(
      startGateway("gateway", workplace, {
        apiUrl: "http://127.0.0.1:1",
        settings: {},
        environment,
        args: [...options, join(rootDirectory, path), ...rest]
      })
    )
  const bare = Effect.andThen(
    startProcess({ name: "node", core: workplace.serverCore, args: ["-e", "console.log()"], lines: true }),
    ({ line }) => Effect.asVoid(line)
  )
  const subjects = [
    ["dist", gateway(builtProgram)],
    ["source", gateway(program)],
    ["node alone", bare]
  ] as const

  const runs: Array<{ readonly subject: string; readonly figures: Figures }> = []
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [subject, start] of subjects) {
      const before = now()
      const startup = yield* Effect.scoped(Effect.map(start, () => now() - before))
      runs.push({ subject, figures: { startup } })
      yield* Console.error(`${STARTS} ${subject}: ${startup.toFixed(0)} ms`)
    }
  }
  const result: ScenarioResult = {
    name: STARTS,
    what: "from the start of the process to ready",
    goals: [
      { figure: "startup", subject: "dist", bound: { atMost: 1_000 } },
      { figure: "startup", subject: "source", bound: { atMost: 1_500 } }
    ],
    subjects: subjects.map(([subject]) => ({
      subject,
      figures: spreads(runs.filter((run) => run.subject === subject).map(({ figures }) => figures))
    })),
    runs
  }
  return result
})
