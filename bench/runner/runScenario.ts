/** All runs of one scenario: its servers take turns, so that what changes on the machine meets all of them. */
import { Console, Effect } from "effect"
import type { RunLength, Scenario } from "../scenarios.ts"
import { build } from "./build.ts"
import { FIGURES, spreads } from "./figures.ts"
import { measure, type Run, type RunOptions } from "./measure.ts"
import type { ScenarioResult } from "./report.ts"
import type { SubjectName, Workplace } from "./subjects.ts"

/** What was asked for on the command line. */
export type Asked = { readonly [Part in keyof RunLength]: RunLength[Part] | undefined } & {
  /** Of scenarios; none: the main ones, briefly. */
  readonly names: ReadonlyArray<string>
}

/** For its first twenty thousand mails a server takes half as much again: V8 compiles, and runs what it has not compiled. */
const USUAL: RunLength = { seconds: 4, warmup: 16, repeats: 3 }
/** With no scenario named. */
const BRIEF: Partial<RunLength> = { seconds: 3, repeats: 2 }

/** The command line comes first, then what the scenario says of itself, then what all have. */
export const lengthOf = ({ brief, length }: Scenario, { names, repeats, seconds, warmup }: Asked): RunLength => {
  const isBrief = names.length === 0
  const own = { ...USUAL, ...(isBrief && BRIEF), ...length, ...(isBrief && brief) }
  return {
    seconds: seconds ?? own.seconds,
    warmup: warmup ?? own.warmup,
    repeats: repeats ?? own.repeats
  }
}

export const runScenario = Effect.fnUntraced(function* (scenario: Scenario, workplace: Workplace, asked: Asked) {
  const { repeats } = lengthOf(scenario, asked)
  if (scenario.subjects.includes("built")) yield* build
  const runs: Array<Run> = []
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const subject of repeat % 2 === 0 ? scenario.subjects : scenario.subjects.toReversed()) {
      const run = yield* measure(workplace, runOptions(scenario, subject, asked))
      runs.push(run)
      yield* Console.error(progress(scenario, run))
    }
  }
  const result: ScenarioResult = {
    name: scenario.name,
    what: scenario.what,
    goals: scenario.goals,
    runs,
    subjects: scenario.subjects.map((subject) => ({
      subject,
      figures: spreads(runs.filter((run) => run.subject === subject).map(({ figures }) => figures))
    }))
  }
  return result
})

export const runOptions = (scenario: Scenario, subject: SubjectName, asked: Asked): RunOptions => {
  const { seconds, warmup } = lengthOf(scenario, asked)
  return {
    subject,
    load: { ...scenario.load, seconds, warmup },
    settings: scenario.settings,
    api: { latency: scenario.latency, tls: scenario.apiTls, check: false },
    nodeOptions: []
  }
}

const progress = ({ name }: Scenario, { figures, report, subject }: Run): string => {
  const shown = (["throughput", "cpu", "busy", "rss", "loadBusy"] as const).flatMap((figure) => {
    const value = figures[figure]
    return value === undefined ? [] : [`${FIGURES[figure].title} ${value.toFixed(FIGURES[figure].digits)}`]
  })
  return `${name} ${subject}: ${shown.join(", ")}, replies ${JSON.stringify(report.replies)}`
}
