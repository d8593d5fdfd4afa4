/** Whole runs of the bench in small, with the processes that it starts. Nothing here is about time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { measure } from "../../bench/runner/measure.ts"
import { readProfile, selfTimes } from "../../bench/runner/profile.ts"
import { build } from "../../bench/runner/build.ts"
import { makeWorkplace, rootDirectory, type SubjectName } from "../../bench/runner/subjects.ts"
import { runProgram } from "../kit/ClientProgram.ts"

const workplace = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-bench-test-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  return yield* makeWorkplace({ directory, serverCore: 0, loadCore: 1 })
})

const SUBJECTS: ReadonlyArray<readonly [SubjectName, code: string]> = [
  ["gateway", "250 2.0.0"],
  ["built", "250 2.0.0"],
  ["unobserved", "250 2.0.0"],
  ["traced", "250 2.0.0"],
  ["baseline", "250"],
  ["floor", "250"]
]

/** Milliseconds: several processes start, one after another. */
const PATIENCE = 120_000

/** So many that each package on their way has samples, which are a millisecond apart. */
const MAILS = 300

describe("a run against", () => {
  for (const [subject, code] of SUBJECTS) {
    it.live(
      `${subject}: every mail is answered 250, and every recipient is at the API`,
      () =>
        Effect.gen(function* () {
          const place = yield* workplace
          if (subject === "built") yield* build
          const run = yield* measure(place, {
            subject,
            load: {
              connections: 3,
              messagesPerConnection: 25,
              recipients: 2,
              message: { attachment: 5_000 },
              maxMessages: MAILS,
              seconds: 60
            },
            settings: {},
            api: { latency: 5, tls: true, check: true },
            nodeOptions: ["--cpu-prof", `--cpu-prof-dir=${place.directory}`]
          })
          assert.deepStrictEqual(run.report.allReplies, { [code]: MAILS })
          assert.strictEqual(run.report.unanswered, 0)
          assert.strictEqual(run.calls.emails, 2 * MAILS)
          assert.strictEqual(run.calls.refused, 0)
          assert.strictEqual(run.calls.token, code === "250" ? 0 : 1)
          assert.strictEqual(run.calls.spanBatches > 0, subject === "traced")
          assert.strictEqual(run.figures.failed, 0)
          assert.isAbove(run.figures.rss ?? 0, 1)
          const [file = ""] = globSync(join(place.directory, "*.cpuprofile"))
          const profile = yield* readProfile(readFileSync(file, "utf8"))
          const modules = selfTimes(profile, run.window, rootDirectory).map(({ module }) => module)
          for (const module of ["smtp-server", "undici"]) assert.include(modules, module)
        }).pipe(Effect.scoped),
      PATIENCE
    )
  }

  it.live(
    "a server that does not start: the reason is its own",
    () =>
      Effect.gen(function* () {
        const failed = yield* measure(yield* workplace, {
          subject: "gateway",
          load: {},
          settings: { MAX_RECIPIENTS: "many" },
          api: { latency: 0, tls: false, check: false },
          nodeOptions: []
        }).pipe(Effect.flip)
        assert.match(failed.message, /gateway ended with 1: .*MAX_RECIPIENTS/s)
      }).pipe(Effect.scoped),
    PATIENCE
  )
})

describe("npm run bench", () => {
  it.live(
    "prints tables, and writes every figure to a file",
    () =>
      Effect.gen(function* () {
        const { directory } = yield* workplace
        const file = join(directory, "results.json")
        const brief = ["--seconds", "1", "--warmup", "0", "--repeats", "1", "--json", file]
        const { code, stderr, stdout } = yield* runProgram(process.execPath, ["bench/run.ts", "persistent", ...brief])
        assert.strictEqual(code, 0, stderr)
        assert.match(stdout, /^\| \*\*persistent\*\* .* \| gateway \| \d+ \| /m)
        assert.match(stdout, /^\| persistent \| mails without 250: at most 0 \| 0 \| yes \|$/m)
        const { results } = JSON.parse(readFileSync(file, "utf8"))
        const [{ runs }] = results
        assert.deepStrictEqual(
          runs.map((run: { readonly subject: string }) => run.subject),
          ["gateway", "baseline"]
        )
        assert.isAbove(runs[0].report.allReplies["250 2.0.0"], 0)
      }).pipe(Effect.scoped),
    PATIENCE
  )

  it.live(
    "knows its scenarios",
    () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* runProgram(process.execPath, ["bench/run.ts", "persistent", "nonsense"])
        assert.strictEqual(code, 1)
        assert.include(`${stdout}${stderr}`, "no such scenario: nonsense")
      }),
    PATIENCE
  )
})
