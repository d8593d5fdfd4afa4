/** The figures of one run, from what its processes told. */
import type { LoadReport } from "../load/LoadReport.ts"
import type { Figures } from "./figures.ts"
import type { ProcessSample } from "./processes.ts"

/** The state of things when the measured time began, or when it ended. */
export interface Mark {
  readonly server: ProcessSample
  readonly api: ProcessSample
  readonly generator: ProcessSample
  /** Submissions that the API had had. */
  readonly emails: number
  /** Milliseconds that the server's core had been busy, with whatever. */
  readonly core: number
}

/** The server at a time within the measured time. */
export interface Point {
  /** Seconds from its beginning. */
  readonly at: number
  /** Bytes. */
  readonly rss: number
  readonly descriptors: number
  /** Bytes in use; absent for servers without metrics, and in short runs. */
  readonly heap?: number
}

export interface Observations {
  readonly before: Mark
  readonly after: Mark
  readonly series: ReadonlyArray<Point>
  readonly report: LoadReport
  /** Whether mails came whether the server kept up or not. */
  readonly isOpen: boolean
  /** Milliseconds: the median time that the API itself took. */
  readonly apiTime: number
}

export const figuresOf = ({ after, apiTime, before, isOpen, report, series }: Observations): Figures => {
  const { connect, login, replies, reply, seconds, unanswered, whole } = report
  const cpu = after.server.cpu - before.server.cpu
  const mails = mailsOf(replies)
  const percent = (milliseconds: number) => milliseconds / (seconds * 10)
  return {
    ...(mails > 0 && {
      throughput: mails / seconds,
      cpu: cpu / mails,
      calls: (after.emails - before.emails) / seconds,
      failed: mails - acceptedOf(replies) + unanswered,
      replyP50: reply.p50,
      replyP95: reply.p95,
      replyP99: reply.p99
    }),
    ...(mails > 0 &&
      isOpen && {
        wholeP50: whole.p50,
        wholeP95: whole.p95,
        wholeP99: whole.p99,
        addedP95: whole.p95 - apiTime,
        addedP99: whole.p99 - apiTime
      }),
    busy: percent(cpu),
    rss: Math.max(before.server.rss, after.server.rss, ...series.map(({ rss }) => rss)) / MIB,
    connectP50: connect.p50,
    loginP50: login.p50,
    ...growthOf(series),
    loadBusy: percent(after.generator.cpu - before.generator.cpu + after.api.cpu - before.api.cpu),
    othersBusy: Math.max(0, percent(after.core - before.core - cpu))
  }
}

export const mailsOf = (replies: LoadReport["replies"]): number =>
  Object.values(replies).reduce((sum, count) => sum + count, 0)

const acceptedOf = (replies: LoadReport["replies"]): number =>
  Object.entries(replies).reduce((sum, [code, count]) => (code.startsWith("250") ? sum + count : sum), 0)

const MIB = 1024 * 1024

/** From the first quarter of a run to its last; of the heap what is left after its collections. */
const growthOf = (series: ReadonlyArray<Point>): Figures => {
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
    ...([first, last].every((points) => heaps(points).length > 0) && {
      heapGrowth: change((points) => Math.min(...heaps(points))) / MIB
    })
  }
}
