/** One run: a fresh API, a fresh server, a fresh load generator, and what the three of them used in the measured time. */
import { Duration, Effect, Fiber, Schedule, Schema } from "effect"
import { get } from "node:http"
import { get as getSecure } from "node:https"
import { join } from "node:path"
import type { LoadPlanInput } from "../load/LoadPlan.ts"
import { LoadLine, type LoadReport } from "../load/LoadReport.ts"
import type { Figures } from "./figures.ts"
import { BenchFailed, type BenchProcess, coreBusy, startProcess } from "./processes.ts"
import { figuresOf, type Mark, type Point } from "./runFigures.ts"
import { type BenchApi, rootDirectory, startApi, startSubject, type SubjectName, type Workplace } from "./subjects.ts"

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
  /** Its processes when it began and when it ended. */
  readonly before: Mark
  readonly after: Mark
  /** The server through the measured time. */
  readonly series: ReadonlyArray<Point>
}

/** Of the whole run, warm-up included. */
const ApiCalls = Schema.Struct({
  token: Schema.Int,
  senders: Schema.Int,
  emails: Schema.Int,
  refused: Schema.Int,
  bodyOctets: Schema.Int,
  spanBatches: Schema.Int,
  own: Schema.Struct({ p50: Schema.Finite, p95: Schema.Finite, p99: Schema.Finite })
})
export type ApiCalls = typeof ApiCalls.Type

export const measure = (workplace: Workplace, options: RunOptions): Effect.Effect<Run, BenchFailed> => {
  const { seconds = 0, warmup = 0 } = options.load
  return run(workplace, options).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: Duration.seconds(seconds + warmup + PATIENCE_SECONDS),
      orElse: () => Effect.fail(new BenchFailed({ reason: `${options.subject}: the run does not come to its end` }))
    })
  )
}

/** Beyond the time under load: for starting, logging in, and waiting for the last replies. */
const PATIENCE_SECONDS = 240

const run = Effect.fnUntraced(function* (workplace: Workplace, options: RunOptions) {
  const api = yield* startApi(workplace, options.api)
  const observed = yield* Effect.scoped(observe(workplace, options, api))
  // The server is gone: what it still had to tell has been told.
  const calls = yield* apiCalls(api.url)
  if (options.subject.startsWith("traced") && calls.spanBatches === 0) {
    return yield* new BenchFailed({ reason: `${options.subject}: no span came to the collector` })
  }
  const { pace } = options.load
  const isOpen = pace !== undefined && pace.kind !== "closed"
  const finished: Run = {
    subject: options.subject,
    figures: figuresOf({ ...observed, isOpen, apiTime: calls.own.p50 }),
    calls,
    ...observed
  }
  return finished
})

const observe = Effect.fnUntraced(function* (workplace: Workplace, options: RunOptions, api: BenchApi) {
  const server = yield* startSubject(options.subject, workplace, {
    apiUrl: api.url,
    collectorUrl: api.collectorUrl,
    ...options
  })
  const plan: LoadPlanInput = { ...options.load, port: server.smtpPort }
  const generator = yield* startProcess({
    name: "the load generator",
    core: workplace.loadCore,
    args: [join(rootDirectory, "bench/load/generate.ts"), JSON.stringify(plan), "stay"],
    lines: true
  })
  const mark = Effect.all({
    server: server.process.sample,
    api: api.process.sample,
    generator: generator.sample,
    emails: Effect.map(apiCalls(api.url), ({ emails }) => emails),
    core: Effect.sync(() => coreBusy(workplace.serverCore))
  })

  const from = yield* phase(generator, "measuring")
  const before = yield* mark
  const series: Array<Point> = []
  const watching = yield* watch(server, plan.seconds ?? 0, series).pipe(Effect.forkScoped({ startImmediately: true }))
  const to = yield* phase(generator, "measured")
  const after = yield* mark
  yield* Fiber.interrupt(watching)
  const last = yield* Effect.flatMap(generator.line, readLine)
  return last.kind === "report"
    ? { report: last.report, window: { from, to }, before, after, series }
    : yield* new BenchFailed({ reason: `the load generator said ${last.kind}` })
})

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
