/** One run of the gateway with V8's profiler. */
import { Effect } from "effect"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import type { Scenario } from "../scenarios.ts"
import { measure } from "./measure.ts"
import { BenchFailed } from "./processes.ts"
import { profileTable, readProfile, selfTimes } from "./profile.ts"
import { mailsOf } from "./runFigures.ts"
import { type Asked, runOptions } from "./runScenario.ts"
import { rootDirectory, type Workplace } from "./subjects.ts"

/** Microseconds between two samples. */
const INTERVAL = 500

/** The profile stays in a folder of `directory`, for a browser's developer tools. */
export const profileScenario = Effect.fnUntraced(function* (
  scenario: Scenario,
  workplace: Workplace,
  asked: Asked,
  directory: string
) {
  const folder = join(resolve(directory), scenario.name)
  yield* Effect.sync(() => mkdirSync(folder, { recursive: true }))
  const before = new Set(readdirSync(folder))
  const run = yield* measure(workplace, {
    ...runOptions(scenario, "gateway", asked),
    nodeOptions: ["--cpu-prof", `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${INTERVAL}`]
  })
  const file = readdirSync(folder).find((name) => name.endsWith(".cpuprofile") && !before.has(name))
  if (file === undefined) return yield* new BenchFailed({ reason: `the gateway left no profile in ${folder}` })
  const profile = yield* readProfile(readFileSync(join(folder, file), "utf8")).pipe(
    Effect.mapError(({ message }) => new BenchFailed({ reason: `${file}: ${message}` }))
  )
  const mails = mailsOf(run.report.replies)
  const times = selfTimes(profile, run.window, rootDirectory)
  const covered = (1000 * times.reduce((sum, { self }) => sum + self, 0)) / mails
  const cpu = 1000 * (run.figures.cpu ?? 0)
  return {
    name: scenario.name,
    times,
    markdown: `**${scenario.name}**: ${scenario.what}. ${mails} mails at ${cpu.toFixed(0)} µs of CPU time with the profiler on, of which it saw ${covered.toFixed(0)}.\n\n${profileTable(times, mails)}`
  }
})
