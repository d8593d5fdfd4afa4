/**
 * What several processes cost and bring: `npm run bench:workers` (`-- --seconds 10 1 2 4` for longer, and for other
 * numbers of workers). Linux only. Nothing is pinned: the load generator and the API take their part of the same CPUs.
 */
import { Console, Effect, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { LoadReport } from "./load/LoadReport.ts"
import { LoadPlan } from "./load/LoadPlan.ts"
import { runLoad } from "./load/runLoad.ts"
import { table } from "./runner/markdown.ts"
import { runMain } from "./runner/runMain.ts"
import {
  gatewayCommand,
  makeWorkplace,
  rootDirectory,
  startApi,
  startGateway,
  type Workplace
} from "./runner/subjects.ts"

/** No core of this number: nothing is pinned. */
const ANY = 1_000

/** Whether the limits that are counted by address are asked at all. */
const NETWORKS = {
  trusted: {},
  counted: {
    TRUSTED_NETWORKS: "192.0.2.0/24",
    MAX_CONNECTIONS_PER_IP: "1000",
    RATE_LIMIT_PER_IP: "100000"
  }
} as const

interface Result {
  readonly workers: string
  readonly network: string
  readonly report: LoadReport
  /** Milliseconds of CPU in the measured time: of the first process, and of those that it started. */
  readonly first: number
  readonly others: number
  /** Bytes, of all. */
  readonly rss: number
}

const measure = (workplace: Workplace, workers: string, network: keyof typeof NETWORKS, seconds: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const api = yield* startApi(workplace, { latency: 0, tls: false, check: false })
      const { environment, options, program, rest } = yield* gatewayCommand
      const { process: server, smtpPort } = yield* startGateway("the gateway", workplace, {
        apiUrl: api.url,
        args: [...options, join(rootDirectory, program), ...rest],
        environment,
        settings: { WORKERS: workers, ...NETWORKS[network] }
      })
      const plan = yield* Schema.decodeEffect(LoadPlan)({
        port: smtpPort,
        connections: 50,
        warmup: 3,
        seconds
      })
      const marks: Array<ReadonlyMap<number, number>> = []
      const report = yield* runLoad(plan, () => void marks.push(cpuOf([server.pid, ...childrenOf(server.pid)])))
      const [before, after] = marks
      const used = (pid: number) => (after?.get(pid) ?? 0) - (before?.get(pid) ?? 0)
      const others = childrenOf(server.pid)
      const result: Result = {
        workers,
        network,
        report,
        first: used(server.pid),
        others: others.reduce((sum, pid) => sum + used(pid), 0),
        rss: [server.pid, ...others].reduce((sum, pid) => sum + proportionalSet(pid), 0)
      }
      return result
    })
  )

const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean).map(Number)

/** Milliseconds so far, of all threads. */
const cpuOf = (pids: ReadonlyArray<number>): ReadonlyMap<number, number> =>
  new Map(
    pids.map((pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
        .replace(/^.*\) /s, "")
        .split(" ")
      return [pid, (Number(fields[11]) + Number(fields[12])) * 10]
    })
  )

/** Pages that processes share are divided among them. */
const proportionalSet = (pid: number): number =>
  Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1]) * 1024

const rowOf = ({ first, network, others, report, rss, workers }: Result): ReadonlyArray<string> => {
  const mails = Object.entries(report.replies).reduce((sum, [reply, n]) => (reply.startsWith("250") ? sum + n : sum), 0)
  return [
    workers,
    network,
    (mails / report.seconds).toFixed(0),
    ((first + others) / mails).toFixed(3),
    others === 0 ? "–" : (first / mails).toFixed(3),
    report.reply.p95.toFixed(1),
    (rss / 1_048_576).toFixed(0)
  ]
}

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-bench-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

const command = Command.make(
  "bench:workers",
  {
    numbers: Argument.String("workers").pipe(
      Argument.filter(
        (number) => number === "auto" || /^[1-9]\d{0,2}$/.test(number),
        () => "a number of workers, or auto"
      ),
      Argument.withDescription("Values of WORKERS; 1 and 2 unless given"),
      Argument.variadic()
    ),
    seconds: Flag.Finite("seconds").pipe(
      Flag.filter(
        (value) => value >= 0.1 && value <= 3_600,
        () => "a number from 0.1 to 3600"
      ),
      Flag.withDescription("Measured time of each run"),
      Flag.withDefault(8)
    )
  },
  Effect.fnUntraced(function* ({ numbers, seconds }) {
    const directory = yield* temporaryDirectory
    const workplace = yield* makeWorkplace({ directory, serverCore: ANY, loadCore: ANY })
    const results: Array<Result> = []
    for (const network of ["trusted", "counted"] as const) {
      for (const workers of numbers.length === 0 ? ["1", "2"] : numbers) {
        results.push(yield* measure(workplace, workers, network, seconds))
      }
    }
    yield* Console.log(
      table(
        ["WORKERS", "Network", "Mails/s", "CPU ms/mail", "of it the supervisor", "Reply p95 ms", "Memory MB"],
        results.map(rowOf)
      )
    )
  }, Effect.scoped)
).pipe(Command.withDescription("Compare numbers of workers"))

command.pipe(Command.run({ version: "1" }), runMain)
