/**
 * `npm run bench`: the main scenarios. `npm run bench -- full`: all but the soak. `npm run bench -- persistent fresh`:
 * those. The results go to stdout in Markdown.
 */
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { BenchFailed, canPin, pinSelf } from "./runner/processes.ts"
import { writeReadme } from "./runner/readme.ts"
import { runMain } from "./runner/runMain.ts"
import { measureSession, profileSession } from "./runner/session.ts"
import { makeWorkplace } from "./runner/subjects.ts"
import { scenarioNames } from "./scenarios.ts"

/** A week. */
const LONGEST = 604_800

const secondsFlag = (name: string, least: number) =>
  Flag.Finite(name).pipe(
    Flag.filter(
      (value) => value >= least && value <= LONGEST,
      () => `a number from ${least} to ${LONGEST}`
    )
  )

const coreFlag = (name: string) =>
  Flag.Int(name).pipe(
    Flag.filter(
      (core) => core >= 0 && core < cpus().length,
      () => `a core of this machine, 0 to ${cpus().length - 1}`
    )
  )

const command = Command.make(
  "bench",
  {
    names: Argument.String("scenario").pipe(
      Argument.withDescription(`full, or any of ${scenarioNames.join(", ")}`),
      Argument.variadic()
    ),
    seconds: secondsFlag("seconds", 0.1).pipe(Flag.withDescription("Measured time of each run"), Flag.optional),
    warmup: secondsFlag("warmup", 0).pipe(Flag.withDescription("Seconds under load before it"), Flag.optional),
    repeats: Flag.Int("repeats").pipe(
      Flag.filter(
        (times) => times >= 1 && times <= 1_000,
        () => "a number from 1 to 1000"
      ),
      Flag.withDescription("Runs of each server in each scenario"),
      Flag.optional
    ),
    json: Flag.String("json").pipe(
      Flag.filter(
        (file) => existsSync(dirname(file)),
        () => "a file in a directory that exists"
      ),
      Flag.withDescription("File for all figures of all runs"),
      Flag.optional
    ),
    readme: Flag.Boolean("readme").pipe(
      Flag.withDescription("Put the tables into bench/README.md too"),
      Flag.withDefault(false)
    ),
    profile: Flag.String("profile").pipe(
      Flag.withDescription("In place of figures: CPU profiles of the gateway, into this directory"),
      Flag.optional
    ),
    serverCore: coreFlag("server-core").pipe(Flag.withDescription("Core of the server"), Flag.withDefault(0)),
    loadCore: coreFlag("load-core").pipe(
      Flag.withDescription("Core of the load generator and the API"),
      Flag.withDefault(1)
    )
  },
  Effect.fnUntraced(function* ({ json, loadCore, names, profile, readme, repeats, seconds, serverCore, warmup }) {
    const unknown = names.filter((name) => name !== "full" && !scenarioNames.includes(name))
    if (unknown.length > 0) return yield* new BenchFailed({ reason: `no such scenario: ${unknown.join(", ")}` })
    const directory = yield* temporaryDirectory
    const workplace = yield* makeWorkplace({ directory, serverCore, loadCore })
    if (!canPin(serverCore) || !canPin(loadCore)) yield* Console.error("Nothing is pinned: figures will vary.")
    pinSelf(loadCore)
    const asked = {
      names,
      seconds: Option.getOrUndefined(seconds),
      warmup: Option.getOrUndefined(warmup),
      repeats: Option.getOrUndefined(repeats)
    }
    const { failures, markdown, results, section } = Option.isSome(profile)
      ? yield* profileSession(workplace, asked, profile.value)
      : yield* measureSession(workplace, asked)
    yield* Console.log(markdown)
    if (readme) yield* writeReadme(section, markdown)
    if (Option.isSome(json)) yield* Effect.sync(() => writeFileSync(json.value, JSON.stringify(results, null, 1)))
    if (failures.length > 0) return yield* new BenchFailed({ reason: failures.join("\n") })
  }, Effect.scoped)
).pipe(Command.withDescription("Measure the gateway beside a baseline"))

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-bench-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

command.pipe(Command.run({ version: "1" }), runMain)
