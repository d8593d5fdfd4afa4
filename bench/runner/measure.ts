/** One run: a fresh API, a fresh server, a fresh load generator, and what the three of them used in the measured time. */
import { Effect, Fiber, Schedule, Schema } from "effect"
import { get } from "node:http"
import { get as getSecure } from "node:https"
import { join } from "node:path"
import type { LoadPlanInput } from "../load/LoadPlan.ts"
import { LoadLine, type LoadReport } from "../load/LoadReport.ts"
import type { Figures } from "./figures.ts"
import { BenchFailed, type BenchProcess, coreBusy, startProcess } from "./processes.ts"
import { rootDirectory, startApi, startSubject, type SubjectName, type Workplace } from "./subjects.ts"

export interface RunOptions {
  readonly subject: SubjectName
  readonly load: Omit<LoadPlanInput, "port">
  readonly settings: Readonly<Record<string, string>>
  readonly api: { readonly latency: number; readonly tls: boolean; readonly check: boolean }
  /** Options of node for the server. */
  readonly nodeOptions: ReadonlyArray<string>
}

export interface Run {
  readonly subject: SubjectName
  readonly figures: Figures
  readonly report: LoadReport
  readonly calls: ApiCalls
  /** The measured time on the machine's monotonic clock, milliseconds. */
  readonly window: { readonly from: number; readonly to: number }
  /** The server through the measured time. */
  readonly series: ReadonlyArray<Point>
}

export interface Point {
  /** Seconds from the beginning of the measured time. */
  readonly at: number
  /** Bytes. */
  readonly rss: number
  readonly descriptors: number
  /** Bytes in use; absent for servers without metrics, and in short runs. */
  readonly heap?: number
}

/** Of the whole run, warm-up included. */
const ApiCalls = Schema.Struct({
  token: Schema.Int,
  senders: Schema.Int,
  emails: Schema.Int,
  traces: Schema.Int,
  refused: Schema.Int,
  bodyOctets: Schema.Int,
  own: Schema.Struct({ p50: Schema.Finite, p95: Schema.Finite, p99: Schema.Finite })
})
export type ApiCalls = typeof ApiCalls.Type

export const measure = Effect.fnUntraced(function* (workplace: Workplace, options: RunOptions) {
  const { serverCore } = workplace
  const api = yield* startApi(workplace, options.api)
  const server = yield* startSubject(options.subject, workplace, { apiUrl: api.url, ...options })
  const plan: LoadPlanInput = { ...options.load, port: server.smtpPort }
  const generator = yield* startProcess({
    name: "the load generator",
    core: workplace.loadCore,
    args: [join(rootDirectory, "bench/load/generate.ts"), JSON.stringify(plan)],
    lines: true
  })
  const callsSoFar = apiCalls(api.url)
  const mark = Effect.all({
    server: server.process.sample,
    api: api.process.sample,
    calls: callsSoFar,
    core: Effect.sync(() => coreBusy(serverCore))
  })

  const from = yield* phase(generator, "measuring")
  const before = yield* mark
  const series: Array<Point> = []
  const watching = yield* watch(server, plan.seconds ?? 0, series).pipe(Effect.forkScoped({ startImmediately: true }))
  const to = yield* phase(generator, "measured")
  const after = yield* mark
  yield* Fiber.interrupt(watching)
  const last = yield* Effect.flatMap(generator.line, readLine)
  if (last.kind !== "report") return yield* new BenchFailed({ reason: `the load generator said ${last.kind}` })
  const { report } = last

  const seconds = report.seconds
  const cpu = after.server.cpu - before.server.cpu
  const mails = Object.values(report.replies).reduce((sum, count) => sum + count, 0)
  const share = (milliseconds: number) => milliseconds / (seconds * 10)
  const figures: Figures = {
    ...(mails > 0 && {
      throughput: mails / seconds,
      cpu: cpu / mails,
      calls: (after.calls.emails - before.calls.emails) / seconds,
      failed: mails - (accepted(report.replies) ?? 0) + report.unanswered,
      replyP50: report.reply.p50,
      replyP95: report.reply.p95,
      replyP99: report.reply.p99
    }),
    ...(mails > 0 &&
      plan.pace !== undefined &&
      plan.pace.kind !== "closed" && {
        wholeP50: report.whole.p50,
        wholeP95: report.whole.p95,
        wholeP99: report.whole.p99,
        addedP95: report.whole.p95 - after.calls.own.p50,
        addedP99: report.whole.p99 - after.calls.own.p50
      }),
    busy: share(cpu),
    rss: Math.max(before.server.rss, after.server.rss, ...series.map(({ rss }) => rss)) / MIB,
    connectP50: report.connect.p50,
    loginP50: report.login.p50,
    ...growth(series),
    loadBusy: share(report.cpu + after.api.cpu - before.api.cpu),
    othersBusy: Math.max(0, share(after.core - before.core - cpu))
  }
  const run: Run = {
    subject: options.subject,
    figures,
    report,
    calls: yield* callsSoFar,
    window: { from, to },
    series
  }
  return run
}, Effect.scoped)

/** Mails that were answered 250. */
export const accepted = (replies: LoadReport["replies"]): number =>
  Object.entries(replies).reduce((sum, [code, count]) => (code.startsWith("250") ? sum + count : sum), 0)

const MIB = 1024 * 1024

const readLine = (line: string) =>
  Schema.decodeEffect(LoadLine)(line).pipe(
    Effect.mapError(() => new BenchFailed({ reason: `the load generator said: ${line}` }))
  )

const phase = (generator: BenchProcess, kind: "measuring" | "measured") =>
  Effect.flatMap(Effect.flatMap(generator.line, readLine), (line) =>
    line.kind === kind
      ? Effect.succeed(line.at)
      : Effect.fail(new BenchFailed({ reason: `the load generator said ${line.kind} in place of ${kind}` }))
  )

/** Points kept of one run. */
const MAX_POINTS = 400

/** From here on memory is looked at more closely: to ask for metrics costs the server more than to look into /proc. */
const LONG_RUN_SECONDS = 120

const watch = (
  { metricsUrl, process }: { readonly process: BenchProcess; readonly metricsUrl: string | undefined },
  seconds: number,
  series: Array<Point>
) => {
  const interval = Math.max(0.25, seconds / MAX_POINTS)
  return Effect.gen(function* () {
    const { descriptors, rss } = yield* process.sample
    const heap =
      metricsUrl === undefined || seconds < LONG_RUN_SECONDS
        ? undefined
        : yield* heapUsed(metricsUrl).pipe(Effect.orElseSucceed(() => undefined))
    series.push({ at: series.length * interval, rss, descriptors, ...(heap !== undefined && { heap }) })
  }).pipe(Effect.repeat(Schedule.fixed(`${interval * 1000} millis`)))
}

/** From the first quarter of a run to its last; of the heap what is left after its collections. */
const growth = (series: ReadonlyArray<Point>): Figures => {
  const quarter = Math.floor(series.length / 4)
  if (quarter === 0) return {}
  const first = series.slice(0, quarter)
  const last = series.slice(-quarter)
  const change = (of: (points: ReadonlyArray<Point>) => number) => of(last) - of(first)
  const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length
  const heaps = (points: ReadonlyArray<Point>) => points.flatMap(({ heap }) => (heap === undefined ? [] : [heap]))
  return {
    rssGrowth: change((points) => mean(points.map(({ rss }) => rss))) / MIB,
    descriptorGrowth: change((points) => Math.max(...points.map(({ descriptors }) => descriptors))),
    ...(heaps(series).length === series.length && {
      heapGrowth: change((points) => Math.min(...heaps(points))) / MIB
    })
  }
}

const heapUsed = (metricsUrl: string) =>
  Effect.map(fetched(metricsUrl), (body) => {
    const value = Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(body)?.[1])
    return Number.isFinite(value) ? value : undefined
  })

const apiCalls = (url: string) =>
  Effect.flatMap(fetched(`${url}/bench/calls`), (body) =>
    Schema.decodeEffect(Schema.fromJsonString(ApiCalls))(body).pipe(
      Effect.mapError(({ message }) => new BenchFailed({ reason: `the API said: ${message}` }))
    )
  )

const fetched = (url: string) =>
  Effect.callback<string, BenchFailed>((resume) => {
    const options = { agent: false, rejectUnauthorized: false }
    const request = (url.startsWith("https:") ? getSecure : get)(url, options, (response) => {
      let body = ""
      response.on("data", (chunk: Buffer) => (body += chunk.toString()))
      response.on("end", () => resume(Effect.succeed(body)))
    })
    request.on("error", (error) => resume(Effect.fail(new BenchFailed({ reason: `${url}: ${error.message}` }))))
  })
