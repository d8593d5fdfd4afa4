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
import { profileScenario } from "./runner/profileScenario.ts"
import { doubts, goalsTable, resultsTable, startsTable } from "./runner/report.ts"
import { runScenario } from "./runner/runScenario.ts"
import { measureStarts, STARTS } from "./runner/starts.ts"
import { makeWorkplace } from "./runner/subjects.ts"
import { type Scenario, scenarios } from "./scenarios.ts"

const command = Command.make(
  "bench",
  {
    names: Argument.String("scenario").pipe(
      Argument.withDescription(`full, or any of ${[STARTS, ...scenarios.map(({ name }) => name)].join(", ")}`),
      Argument.variadic()
    ),
    seconds: Flag.Finite("seconds").pipe(Flag.withDescription("Measured time of each run"), Flag.optional),
    warmup: Flag.Finite("warmup").pipe(Flag.withDescription("Seconds under load before it"), Flag.optional),
    repeats: Flag.Int("repeats").pipe(Flag.withDescription("Runs of each server in each scenario"), Flag.optional),
    json: Flag.String("json").pipe(Flag.withDescription("File for all figures of all runs"), Flag.optional),
    profile: Flag.String("profile").pipe(
      Flag.withDescription(
        "In place of figures: CPU profiles of the gateway, into this directory, and what is in them"
      ),
      Flag.optional
    ),
    serverCore: Flag.Int("server-core").pipe(Flag.withDescription("Core of the server"), Flag.withDefault(0)),
    loadCore: Flag.Int("load-core").pipe(
      Flag.withDescription("Core of the load generator and the API"),
      Flag.withDefault(1)
    )
  },
  Effect.fnUntraced(function* ({ json, loadCore, names, profile, repeats, seconds, serverCore, warmup }) {
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
    if (Option.isSome(profile)) {
      for (const scenario of chosen) yield* profileScenario(scenario, workplace, length, profile.value)
      return
    }
    const results = yield* Effect.forEach(chosen, (scenario) => runScenario(scenario, workplace, length))
    const starts = isChosen(names, STARTS, "main")
      ? [yield* measureStarts(workplace, length.repeats ?? START_REPEATS)]
      : []
    const all = [...results, ...starts]
    const doubtful = [...about.doubts, ...doubts(results)].map((doubt) => `- Doubt: ${doubt}`)
    const tables = [...(results.length > 0 ? [resultsTable(results)] : []), ...starts.map(startsTable), goalsTable(all)]
    yield* Console.log([about.text, ...tables, ...(doubtful.length > 0 ? [doubtful.join("\n")] : [])].join("\n\n"))
    if (Option.isSome(json)) {
      const content = JSON.stringify({ machine: about.text, results: all }, null, 1)
      yield* Effect.sync(() => writeFileSync(json.value, content))
    }
  }, Effect.scoped)
).pipe(Command.withDescription("Measure the gateway beside a baseline"))

const START_REPEATS = 5

/** By name, by `full`, or because nothing is named. */
const isChosen = (names: ReadonlyArray<string>, name: string, suite: Scenario["suite"]): boolean =>
  names.length === 0 ? suite === "main" : names.includes(name) || (names.includes("full") && suite !== "named")

const choose = (names: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Scenario>, BenchFailed> => {
  const known = new Set(["full", STARTS, ...scenarios.map(({ name }) => name)])
  const unknown = names.filter((name) => !known.has(name))
  return unknown.length > 0
    ? Effect.fail(new BenchFailed({ reason: `no such scenario: ${unknown.join(", ")}` }))
    : Effect.succeed(scenarios.filter(({ name, suite }) => isChosen(names, name, suite)))
}

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-bench-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

command.pipe(Command.run({ version: "1" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
