/**
 * `npm run bench`: the main scenarios. `npm run bench -- full`: all. `npm run bench -- persistent fresh`: those.
 * The results go to stdout in Markdown, and with `--json` to a file.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { machine } from "./runner/machine.ts"
import { BenchFailed, canPin, pinSelf } from "./runner/processes.ts"
import { doubts, goalsTable, resultsTable } from "./runner/report.ts"
import { runScenario } from "./runner/runScenario.ts"
import { makeWorkplace } from "./runner/subjects.ts"
import { type Scenario, scenarios } from "./scenarios.ts"

const command = Command.make(
  "bench",
  {
    names: Argument.String("scenario").pipe(
      Argument.withDescription(`full, or any of ${scenarios.map(({ name }) => name).join(", ")}`),
      Argument.variadic()
    ),
    seconds: Flag.Finite("seconds").pipe(Flag.withDescription("Measured time of each run"), Flag.optional),
    warmup: Flag.Finite("warmup").pipe(Flag.withDescription("Seconds under load before it"), Flag.optional),
    repeats: Flag.Int("repeats").pipe(Flag.withDescription("Runs of each server in each scenario"), Flag.optional),
    json: Flag.String("json").pipe(Flag.withDescription("File for all figures of all runs"), Flag.optional),
    serverCore: Flag.Int("server-core").pipe(Flag.withDescription("Core of the server"), Flag.withDefault(0)),
    loadCore: Flag.Int("load-core").pipe(
      Flag.withDescription("Core of the load generator and the API"),
      Flag.withDefault(1)
    )
  },
  Effect.fnUntraced(function* ({ json, loadCore, names, repeats, seconds, serverCore, warmup }) {
    const chosen = yield* choose(names)
    const directory = yield* temporaryDirectory
    const workplace = yield* makeWorkplace({ directory, serverCore, loadCore })
    if (!canPin(serverCore) || !canPin(loadCore)) yield* Console.error("Nothing is pinned: figures will vary.")
    pinSelf(loadCore)
    const about = machine()
    const length = {
      seconds: Option.getOrUndefined(seconds),
      warmup: Option.getOrUndefined(warmup),
      repeats: Option.getOrUndefined(repeats)
    }
    const results = yield* Effect.forEach(chosen, (scenario) => runScenario(scenario, workplace, length))
    yield* Console.log(`${about.text}\n\n${resultsTable(results)}\n\n${goalsTable(results)}`)
    const doubtful = [...about.doubts, ...doubts(results)]
    if (doubtful.length > 0) yield* Console.log(`\n${doubtful.map((doubt) => `- Doubt: ${doubt}`).join("\n")}`)
    if (Option.isSome(json)) {
      const content = JSON.stringify({ machine: about.text, results }, null, 1)
      yield* Effect.sync(() => writeFileSync(json.value, content))
    }
  }, Effect.scoped)
).pipe(Command.withDescription("Measure the gateway beside a baseline"))

const choose = (names: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Scenario>, BenchFailed> => {
  if (names.length === 0) return Effect.succeed(scenarios.filter(({ suite }) => suite === "main"))
  const unknown = names.filter((name) => name !== "full" && scenarios.every((each) => each.name !== name))
  if (unknown.length > 0) return Effect.fail(new BenchFailed({ reason: `no such scenario: ${unknown.join(", ")}` }))
  return Effect.succeed(
    scenarios.filter(({ name, suite }) => names.includes(name) || (names.includes("full") && suite !== "named"))
  )
}

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-bench-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

command.pipe(Command.run({ version: "1" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
