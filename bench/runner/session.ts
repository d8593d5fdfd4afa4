/** One call of the bench: which scenarios, one after another, and what is said of them. */
import { Console, Effect, Result } from "effect"
import { isChosen, type Scenario, scenarios, STARTS } from "../scenarios.ts"
import { machine } from "./machine.ts"
import type { BenchFailed } from "./processes.ts"
import { profileScenario } from "./profileScenario.ts"
import type { ReadmeSection } from "./readme.ts"
import { doubts, goalsTable, latenciesTable, resultsTable, type ScenarioResult, startsTable } from "./report.ts"
import { type Asked, runScenario } from "./runScenario.ts"
import { measureStarts } from "./starts.ts"
import type { Workplace } from "./subjects.ts"

export interface Session {
  readonly section: ReadmeSection
  readonly markdown: string
  /** For a file. */
  readonly results: unknown
  /** Scenarios that could not be measured, and why. */
  readonly failures: ReadonlyArray<string>
}

const START_REPEATS = 5

export const measureSession = Effect.fnUntraced(function* (workplace: Workplace, asked: Asked) {
  const about = machine()
  const loads = yield* eachChosen(asked, (scenario) => runScenario(scenario, workplace, asked))
  const starts = isChosen(asked.names, STARTS, "main")
    ? yield* kept(STARTS, measureStarts(workplace, asked.repeats ?? START_REPEATS))
    : NOTHING
  const results = [...loads.results, ...starts.results]
  const doubtful = [...about.doubts, ...doubts(loads.results)].map((doubt) => `- Doubt: ${doubt}`)
  const session: Session = {
    section: "figures",
    markdown: [
      `${about.text}.`,
      ...(loads.results.length > 0 ? [resultsTable(loads.results), latenciesTable(loads.results)] : []),
      ...starts.results.map(startsTable),
      goalsTable(results),
      ...(doubtful.length > 0 ? [doubtful.join("\n")] : [])
    ].join("\n\n"),
    results: { machine: about.text, results },
    failures: [...loads.failures, ...starts.failures]
  }
  return session
})

/** The profiles stay in `directory`. */
export const profileSession = Effect.fnUntraced(function* (workplace: Workplace, asked: Asked, directory: string) {
  const { failures, results } = yield* eachChosen(asked, (scenario) =>
    profileScenario(scenario, workplace, asked, directory)
  )
  const session: Session = {
    section: "profile",
    markdown: results.map(({ markdown }) => markdown).join("\n\n"),
    results,
    failures
  }
  return session
})

interface Kept<A> {
  readonly results: ReadonlyArray<A>
  readonly failures: ReadonlyArray<string>
}

const NOTHING: Kept<ScenarioResult> = { results: [], failures: [] }

/** Hours of other results are not thrown away with one that failed. */
const kept = <A>(name: string, measured: Effect.Effect<A, BenchFailed>): Effect.Effect<Kept<A>> =>
  Effect.gen(function* () {
    const result = yield* Effect.result(measured)
    if (Result.isSuccess(result)) return { results: [result.success], failures: [] }
    const failure = `${name}: ${result.failure.message}`
    yield* Console.error(failure)
    return { results: [], failures: [failure] }
  })

const eachChosen = <A>({ names }: Asked, measured: (scenario: Scenario) => Effect.Effect<A, BenchFailed>) =>
  Effect.map(
    Effect.forEach(
      scenarios.filter(({ name, suite }) => isChosen(names, name, suite)),
      (scenario) => kept(scenario.name, measured(scenario))
    ),
    (all): Kept<A> => ({
      results: all.flatMap(({ results }) => results),
      failures: all.flatMap(({ failures }) => failures)
    })
  )
