/** What is measured, and how several runs become one figure. */

/** Every figure with its unit. Figures of mails are those of the measured time. */
export const FIGURES = {
  throughput: { title: "mails/s", digits: 0 },
  cpu: { title: "CPU ms/mail", digits: 3 },
  busy: { title: "core busy %", digits: 0 },
  calls: { title: "API calls/s", digits: 0 },
  rss: { title: "RSS MiB", digits: 0 },
  failed: { title: "mails without 250", digits: 0 },
  replyP50: { title: "reply p50 ms", digits: 2 },
  replyP95: { title: "reply p95 ms", digits: 2 },
  replyP99: { title: "reply p99 ms", digits: 2 },
  wholeP50: { title: "whole p50 ms", digits: 2 },
  wholeP95: { title: "whole p95 ms", digits: 2 },
  wholeP99: { title: "whole p99 ms", digits: 2 },
  addedP95: { title: "added p95 ms", digits: 2 },
  addedP99: { title: "added p99 ms", digits: 2 },
  connectP50: { title: "connect p50 ms", digits: 2 },
  loginP50: { title: "login p50 ms", digits: 2 },
  rssGrowth: { title: "RSS growth MiB", digits: 1 },
  heapGrowth: { title: "heap growth MiB", digits: 1 },
  descriptorGrowth: { title: "descriptor growth", digits: 0 },
  loadBusy: { title: "load core busy %", digits: 0 },
  othersBusy: { title: "other work on the core %", digits: 0 },
  startup: { title: "start ms", digits: 0 }
} as const

export type FigureName = keyof typeof FIGURES

/** Of one run; what does not apply is absent. */
export type Figures = Partial<Readonly<Record<FigureName, number>>>

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export type Spreads = Partial<Readonly<Record<FigureName, Spread>>>

export const figureNames = Object.keys(FIGURES) as ReadonlyArray<FigureName>

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

export const spreads = (runs: ReadonlyArray<Figures>): Spreads => {
  const result: Partial<Record<FigureName, Spread>> = {}
  for (const name of figureNames) {
    const values = runs.map((run) => run[name]).filter((value) => value !== undefined)
    if (values.length > 0) result[name] = { median: median(values), min: Math.min(...values), max: Math.max(...values) }
  }
  return result
}
