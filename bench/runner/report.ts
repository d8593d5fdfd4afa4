/** The results in Markdown. */
import type { Goal } from "../scenarios.ts"
import { type FigureName, type Figures, FIGURES, type Spread, type Spreads } from "./figures.ts"
import { table } from "./markdown.ts"

/** All runs of a scenario. */
export interface ScenarioResult {
  readonly name: string
  /** One line. */
  readonly what: string
  readonly goals: ReadonlyArray<Goal>
  readonly subjects: ReadonlyArray<{ readonly subject: string; readonly figures: Spreads }>
  readonly runs: ReadonlyArray<{ readonly subject: string; readonly figures: Figures }>
}

export interface GoalOutcome {
  readonly goal: string
  readonly measured: string
  readonly reached: boolean
}

/** One row for each server of each scenario; figures are medians with their spread. */
export const resultsTable = (results: ReadonlyArray<ScenarioResult>): string =>
  table(
    ["scenario", "server", "mails/s", "x baseline", "CPU ms/mail", "x baseline", "core busy %", "RSS MiB"],
    results.flatMap((result) =>
      result.subjects.map(({ figures, subject }, index) => [
        index === 0 ? `**${result.name}** ${result.what}` : "",
        subject,
        cell("throughput", figures.throughput),
        subject === "baseline" ? "" : times(ratio(result, subject, "baseline", "throughput")),
        cell("cpu", figures.cpu),
        subject === "baseline" ? "" : times(ratio(result, subject, "baseline", "cpu")),
        cell("busy", figures.busy),
        cell("rss", figures.rss)
      ])
    )
  )

/** In milliseconds; medians of the runs' percentiles. */
export const latenciesTable = (results: ReadonlyArray<ScenarioResult>): string =>
  table(
    ["scenario", "server", "reply p50 / p95 / p99", "whole p50 / p95 / p99", "connect p50", "login p50"],
    results.flatMap((result) =>
      result.subjects.map(({ figures, subject }, index) => [
        index === 0 ? `**${result.name}**` : "",
        subject,
        percentiles(figures, ["replyP50", "replyP95", "replyP99"]),
        percentiles(figures, ["wholeP50", "wholeP95", "wholeP99"]),
        percentiles(figures, ["connectP50"]),
        percentiles(figures, ["loginP50"])
      ])
    )
  )

/** Beside each other, for there are no mails in them. */
export const startsTable = ({ subjects }: ScenarioResult): string =>
  table(
    ["start of", FIGURES.startup.title],
    subjects.map(({ figures, subject }) => [subject, cell("startup", figures.startup)])
  )

export const goalsOf = (result: ScenarioResult): ReadonlyArray<GoalOutcome> =>
  result.goals.flatMap((goal) => {
    const value = valueOf(result, goal)
    if (value === undefined) return []
    const { digits, title } = FIGURES[goal.figure]
    const { comparedWith } = goal
    const figure = comparedWith === undefined ? title : `${title}, times as good as the ${comparedWith}`
    const whose = goal.subject === "gateway" ? "" : ` (${goal.subject})`
    const { bound } = goal
    const [words, limit] = "atLeast" in bound ? ["at least", bound.atLeast] : ["at most", bound.atMost]
    return [
      {
        goal: `${figure}${whose}: ${words} ${limit}`,
        measured: value.toFixed(comparedWith === undefined ? digits : 2),
        reached: "atLeast" in bound ? value >= bound.atLeast : value <= bound.atMost
      }
    ]
  })

export const goalsTable = (results: ReadonlyArray<ScenarioResult>): string =>
  table(
    ["scenario", "goal", "measured", "reached"],
    results.flatMap((result) =>
      goalsOf(result).map(({ goal, measured, reached }) => [result.name, goal, measured, reached ? "yes" : "**no**"])
    )
  )

/** What speaks against trusting a result. */
export const doubts = (results: ReadonlyArray<ScenarioResult>): ReadonlyArray<string> =>
  results.flatMap(({ name, subjects }) =>
    subjects.flatMap(({ figures, subject }) => {
      const found: Array<string> = []
      const others = figures.othersBusy?.median ?? 0
      const load = figures.loadBusy?.median ?? 0
      if (others > 5) found.push(`other programs took ${others.toFixed(0)} % of the server's core`)
      if (load > 85)
        found.push(`the load generator and the API were busy for ${load.toFixed(0)} %: they may set the limit`)
      return found.map((doubt) => `${name}, ${subject}: ${doubt}`)
    })
  )

/** `2512 (2480..2533)`; the spread is left out when there was one run. */
const cell = (name: FigureName, spread: Spread | undefined): string => {
  if (spread === undefined) return ""
  const { digits } = FIGURES[name]
  const shown = spread.median.toFixed(digits)
  return spread.min === spread.max ? shown : `${shown} (${spread.min.toFixed(digits)}..${spread.max.toFixed(digits)})`
}

const percentiles = (figures: Spreads, names: ReadonlyArray<FigureName>): string =>
  names
    .flatMap((name) => {
      const spread = figures[name]
      return spread === undefined ? [] : [spread.median.toFixed(FIGURES[name].digits)]
    })
    .join(" / ")

/** How many times as good: mails for the same time, or CPU time for the same mail. */
const ratio = (
  { subjects }: ScenarioResult,
  subject: string,
  comparedWith: string,
  name: FigureName
): number | undefined => {
  const of = (wanted: string) => subjects.find((each) => each.subject === wanted)?.figures[name]?.median
  const own = of(subject)
  const other = of(comparedWith)
  if (own === undefined || other === undefined) return undefined
  return name === "cpu" ? other / own : own / other
}

const times = (value: number | undefined): string => (value === undefined ? "" : `${value.toFixed(2)}`)

const valueOf = (result: ScenarioResult, { comparedWith, figure, subject }: Goal): number | undefined =>
  comparedWith === undefined
    ? result.subjects.find((each) => each.subject === subject)?.figures[figure]?.median
    : ratio(result, subject, comparedWith, figure)
