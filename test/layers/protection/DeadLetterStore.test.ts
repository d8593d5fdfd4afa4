/** Several processes write into one directory of dead letters, and each holds it within its bounds. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Clock, Context, Duration, Effect, FileSystem, Layer } from "effect"
import { makeLetterId } from "../../../src/layers/protection/deadLetterFiles.ts"
import { makeDeadLetterStore } from "../../../src/layers/protection/DeadLetterStore.ts"
import { makeLogRecorder } from "../../kit/LogRecorder.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"

const contents = {
  raw: Buffer.from("Subject: Hello\r\n\r\nHello\r\n"),
  letters: [Buffer.from("{}"), Buffer.from("{}")]
}

/** The store of one process. */
const processOn = Effect.fnUntraced(function* (directory: string) {
  const metrics = yield* Layer.build(Layer.fresh(layerMetricsRecorder))
  const bounds = { directory, maxFiles: 1_000, maxBytes: 1_000_000, maxAge: Duration.seconds(60) }
  const store = yield* makeDeadLetterStore(bounds).pipe(Effect.provide(metrics))
  const removed = () =>
    Context.get(metrics, MetricsRecorder).value("smtp_dead_letters_removed_total", { reason: "age" })
  return { ...store, removed }
})

describe("two processes on one directory", () => {
  it.live("keep all letters of both, and each that grows too old is removed and counted by one of them", () => {
    const logs = makeLogRecorder()
    return Effect.scoped(
      Effect.gen(function* () {
        const fileSystem = yield* FileSystem.FileSystem
        const directory = yield* fileSystem.makeTempDirectoryScoped()
        const processes = [yield* processOn(directory), yield* processOn(directory)]
        const LETTERS = 20
        const old = (yield* Clock.currentTimeMillis) - 120_000
        const numbers = Array.from({ length: LETTERS }, (_, number) => number)
        // The first write of a process looks at the directory, and would take what the other has half written for old.
        yield* Effect.forEach(processes, ({ sweep }) => sweep)
        yield* Effect.forEach(
          processes,
          (each) =>
            Effect.forEach(numbers, () => Effect.suspend(() => each.write(makeLetterId(old), contents)), {
              concurrency: "unbounded"
            }),
          { concurrency: "unbounded" }
        )
        assert.strictEqual((yield* fileSystem.readDirectory(directory)).length, 2 * LETTERS * 3)

        yield* Effect.forEach(processes, ({ sweep }) => sweep, { concurrency: "unbounded" })
        assert.deepStrictEqual(yield* fileSystem.readDirectory(directory), [])
        const counts = processes.map(({ removed }) => removed())
        assert.strictEqual((counts[0] ?? 0) + (counts[1] ?? 0), 2 * LETTERS * 2, `${counts}`)
      })
    ).pipe(Effect.provide([NodeFileSystem.layer, logs.layer]))
  })
})
