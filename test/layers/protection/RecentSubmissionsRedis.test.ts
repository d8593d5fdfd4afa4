import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Exit, Fiber, Layer, Logger, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import {
  layerRecentSubmissionsRedis,
  RecentSubmissionsLive
} from "../../../src/layers/protection/RecentSubmissionsRedis.ts"
import { RecentSubmissions } from "../../../src/services/RecentSubmissions.ts"
import { layerMetricsRecorder } from "../../kit/MetricsRecorder.ts"
import {
  countedSubmissions,
  heldSubmission,
  keyedMessage,
  message,
  RECIPIENT,
  recentSubmissionsContract
} from "../../kit/RecentSubmissionsContract.ts"
import { type RedisKit, startRedis, withRedisServer } from "../../kit/RedisKit.ts"
import { eventually } from "../../kit/SandboxKit.ts"
import { configWith, testSettings } from "../../kit/SettingsKit.ts"

const receipt = { recipient: RECIPIENT, messageId: "api-1" }

/** One process of the gateway; its memory is its own. */
const pod = (redis: RedisKit, replyTimeout?: Duration.Duration) =>
  Effect.map(
    Layer.build(
      Layer.fresh(layerRecentSubmissionsRedis(redis.url, replyTimeout)).pipe(
        Layer.provide(Layer.merge(configWith(), layerMetricsRecorder))
      )
    ),
    Context.get(RecentSubmissions)
  )

/** One that waits for Redis however busy the machine is: for tests on the clock of the machine. */
const patientPod = (redis: RedisKit) => pod(redis, Duration.minutes(1))

/** The events that are logged, in their order. */
const recordedEvents = () => {
  const events: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => {
    const [event] = Array.isArray(message) ? message : [message]
    events.push(String(event))
  })
  return { events, layer: Logger.layer([logger]) }
}

describe.runIf(withRedisServer("RecentSubmissionsRedis"))("RecentSubmissionsRedis", () => {
  const scope = Scope.makeUnsafe()
  let redis: RedisKit
  beforeAll(async () => {
    redis = await Effect.runPromise(Scope.provide(startRedis, scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  recentSubmissionsContract(
    "RecentSubmissionsRedis",
    Effect.suspend(() =>
      Effect.as(redis.send("FLUSHALL"), {
        layer: layerRecentSubmissionsRedis(redis.url),
        elapse: (duration: Duration.Duration) =>
          Effect.andThen(TestClock.adjust(duration), redis.elapse(Duration.toMillis(duration)))
      })
    )
  )

  describe("between processes", () => {
    it.effect("what one has sent, the other does not send again", () =>
      Effect.gen(function* () {
        yield* redis.send("FLUSHALL")
        const { calls, submit } = countedSubmissions()
        assert.deepStrictEqual(yield* (yield* pod(redis)).forMessage(message)(RECIPIENT, submit), receipt)
        const other = yield* pod(redis)
        assert.deepStrictEqual(yield* other.forMessage(message)(RECIPIENT, submit), receipt)
        assert.strictEqual(calls(), 1)
        yield* redis.elapse(Duration.toMillis(Duration.minutes(10)))
        yield* other.forMessage(message)(RECIPIENT, submit)
        assert.strictEqual(calls(), 2)
      })
    )

    it.effect("an idempotency key that one has seen is known to the other, with what it was given to", () =>
      Effect.gen(function* () {
        yield* redis.send("FLUSHALL")
        const { calls, submit } = countedSubmissions()
        yield* (yield* pod(redis)).forMessage(keyedMessage())(RECIPIENT, submit)
        const other = yield* pod(redis)
        assert.deepStrictEqual(yield* other.forMessage(keyedMessage())(RECIPIENT, submit), receipt)
        const reused = other.forMessage(keyedMessage({ content: ["Bye"] }))(RECIPIENT, submit)
        assert.strictEqual((yield* Effect.flip(reused))._tag, "IdempotencyKeyReused")
        assert.strictEqual(calls(), 1)
      })
    )

    it.live("who waited for another mail with its key is refused", () =>
      Effect.gen(function* () {
        yield* redis.send("FLUSHALL")
        const held = yield* heldSubmission
        const leader = yield* Effect.forkChild(
          (yield* patientPod(redis)).forMessage(keyedMessage())(RECIPIENT, held.submit)
        )
        yield* held.begun
        const other = (yield* patientPod(redis)).forMessage(keyedMessage({ content: ["Bye"] }))
        const waiter = yield* Effect.forkChild(other(RECIPIENT, held.submit), { startImmediately: true })
        yield* redis.send("PING")
        yield* Deferred.succeed(held.outcome, receipt)
        assert.deepStrictEqual(yield* Fiber.join(leader), receipt)
        assert.strictEqual((yield* Effect.flip(Fiber.join(waiter)))._tag, "IdempotencyKeyReused")
        assert.strictEqual(held.calls(), 1)
      })
    )

    it.effect("a failure of one is the other's to try", () =>
      Effect.gen(function* () {
        yield* redis.send("FLUSHALL")
        const held = yield* heldSubmission
        yield* Deferred.die(held.outcome, "a defect")
        yield* Effect.exit((yield* pod(redis)).forMessage(message)(RECIPIENT, held.submit))
        const { calls, submit } = countedSubmissions()
        yield* (yield* pod(redis)).forMessage(message)(RECIPIENT, submit)
        assert.strictEqual(calls(), 1)
      })
    )

    it.live("who comes while the other submits waits for its receipt", () =>
      Effect.gen(function* () {
        yield* redis.send("FLUSHALL")
        const held = yield* heldSubmission
        const submitOnce = (yield* patientPod(redis)).forMessage(message)
        const leader = yield* Effect.forkChild(submitOnce(RECIPIENT, held.submit))
        yield* held.begun
        const other = (yield* patientPod(redis)).forMessage(message)
        const waiter = yield* Effect.forkChild(other(RECIPIENT, held.submit), { startImmediately: true })
        yield* redis.send("PING")
        yield* Deferred.succeed(held.outcome, receipt)
        assert.deepStrictEqual(yield* Fiber.join(leader), receipt)
        assert.deepStrictEqual(yield* Fiber.join(waiter), receipt)
        assert.strictEqual(held.calls(), 1)
      })
    )

    it.live("who waited for one that failed is told to come back", () =>
      Effect.gen(function* () {
        yield* redis.send("FLUSHALL")
        const held = yield* heldSubmission
        const leader = yield* Effect.forkChild((yield* patientPod(redis)).forMessage(message)(RECIPIENT, held.submit))
        yield* held.begun
        const other = (yield* patientPod(redis)).forMessage(message)
        const waiter = yield* Effect.forkChild(other(RECIPIENT, held.submit), { startImmediately: true })
        // Its claim has been refused once a later command has been answered.
        yield* redis.send("PING")
        yield* Fiber.interrupt(leader)
        assert.strictEqual((yield* Effect.flip(Fiber.join(waiter)))._tag, "SubmissionInProgress")
        assert.strictEqual(held.calls(), 1)
      })
    )

    it.live("a process that was killed in the middle holds the others up until its lease ends", () =>
      Effect.gen(function* () {
        yield* redis.send("FLUSHALL")
        const held = yield* heldSubmission
        yield* Effect.forkChild((yield* patientPod(redis)).forMessage(message)(RECIPIENT, held.submit))
        yield* held.begun
        const other = (yield* patientPod(redis)).forMessage(message)
        const waiter = yield* Effect.forkChild(other(RECIPIENT, held.submit), { startImmediately: true })
        yield* redis.send("PING")
        const lease = Duration.toMillis(testSettings.api.submitDeadline) + 5_000
        for (const key of yield* redis.keys) assert.isAtMost(Number(yield* redis.send("PTTL", key)), lease)
        yield* redis.elapse(lease)
        assert.strictEqual((yield* Effect.flip(Fiber.join(waiter)))._tag, "SubmissionInProgress")
        assert.deepStrictEqual(yield* other(RECIPIENT, countedSubmissions().submit), receipt)
      })
    )
  })

  it.effect("keeps nothing in Redis but hashes and the API's id, and nothing for ever", () =>
    Effect.gen(function* () {
      yield* redis.send("FLUSHALL")
      const { submit } = countedSubmissions()
      yield* (yield* patientPod(redis)).forMessage(message)(RECIPIENT, submit)
      const keys = yield* redis.keys
      const [key, ...others] = keys.filter((key) => !key.endsWith(":probe"))
      assert.match(key ?? "", /^cakemail-smtp-gateway:submission:[\w-]{43}$/)
      assert.deepStrictEqual(others, [])
      assert.strictEqual(yield* redis.send("GET", key ?? ""), "accepted:api-1")
      for (const key of keys) assert.isAbove(Number(yield* redis.send("PTTL", key)), 0, key)
    })
  )

  it.effect("keeps hashes of an idempotency key and of what it was given to, and neither itself", () =>
    Effect.gen(function* () {
      yield* redis.send("FLUSHALL")
      yield* (yield* patientPod(redis)).forMessage(keyedMessage())(RECIPIENT, countedSubmissions().submit)
      const key = (yield* redis.keys).find((key) => !key.endsWith(":probe")) ?? ""
      assert.match(key, /^cakemail-smtp-gateway:submission:[\w-]{43}$/)
      assert.match(String(yield* redis.send("GET", key)), /^accepted:[\w-]{43}api-1$/)
    })
  )

  it.effect("what another program put under a key is nobody's receipt", () =>
    Effect.gen(function* () {
      yield* redis.send("FLUSHALL")
      const { calls, submit } = countedSubmissions()
      yield* (yield* patientPod(redis)).forMessage(message)(RECIPIENT, submit)
      for (const key of yield* redis.keys) yield* redis.send("SET", key, "nonsense")
      yield* (yield* patientPod(redis)).forMessage(message)(RECIPIENT, submit)
      assert.strictEqual(calls(), 2)
    })
  )

  it.effect("REDIS_URL decides", () =>
    Effect.gen(function* () {
      yield* redis.send("FLUSHALL")
      for (const [redisUrl, keys] of [
        [undefined, 0],
        [redis.url, 2]
      ] as const) {
        const { submit } = countedSubmissions()
        yield* Effect.flatMap(RecentSubmissions, (recent) => recent.forMessage(message)(RECIPIENT, submit)).pipe(
          Effect.provide(
            Layer.fresh(RecentSubmissionsLive).pipe(
              Layer.provide(
                Layer.merge(
                  configWith({ recentSubmissions: { ...testSettings.recentSubmissions, redisUrl } }),
                  layerMetricsRecorder
                )
              )
            )
          )
        )
        assert.strictEqual((yield* redis.keys).length, keys)
      }
    })
  )

  describe("with a Redis of its own that fails", () => {
    it.effect("mail flows while it is away, which is said once, and it is used again when it is back", () => {
      const { events, layer } = recordedEvents()
      return Effect.gen(function* () {
        const own = yield* startRedis
        const one = yield* pod(own)
        const other = yield* pod(own)
        const { calls, submit } = countedSubmissions()
        yield* own.stop
        yield* eventually(Effect.sync(() => events.filter((event) => event === "redis_away").length === 2))
        for (let turn = 0; turn < 3; turn++) {
          yield* one.forMessage({ ...message, messageId: `<${turn}@example.com>` })(RECIPIENT, submit)
          yield* TestClock.adjust("1 second")
        }
        assert.strictEqual(calls(), 3)
        // Its own memory goes on.
        yield* one.forMessage({ ...message, messageId: "<0@example.com>" })(RECIPIENT, submit)
        assert.strictEqual(calls(), 3)

        yield* own.start
        yield* TestClock.adjust("1 second")
        yield* eventually(Effect.sync(() => events.filter((event) => event === "redis_back").length === 2))
        const later = { ...message, messageId: "<later@example.com>" }
        yield* one.forMessage(later)(RECIPIENT, submit)
        yield* other.forMessage(later)(RECIPIENT, submit)
        assert.strictEqual(calls(), 4)
        assert.deepStrictEqual(
          events.filter((event) => event.startsWith("redis")),
          ["redis_connected", "redis_connected", "redis_away", "redis_away", "redis_back", "redis_back"]
        )
      }).pipe(Effect.provide(layer))
    })

    it.effect("one that was never there holds nothing up", () => {
      const { events, layer } = recordedEvents()
      return Effect.gen(function* () {
        const own = yield* startRedis
        yield* own.stop
        const { submit } = countedSubmissions()
        assert.deepStrictEqual(yield* (yield* pod(own)).forMessage(message)(RECIPIENT, submit), receipt)
        assert.deepStrictEqual(events, ["redis_away"])
      }).pipe(Effect.provide(layer))
    })

    it.effect("one that hangs is waited for 200 ms a command, for a second, and then not at all", () => {
      const { events, layer } = recordedEvents()
      return Effect.gen(function* () {
        const own = yield* startRedis
        const { calls, submit } = countedSubmissions()
        const recent = yield* pod(own)
        yield* own.pause
        const send = (turn: number) =>
          Effect.forkChild(recent.forMessage({ ...message, messageId: `<${turn}@example.com>` })(RECIPIENT, submit), {
            startImmediately: true
          })
        for (let turn = 0; turn < 3; turn++) {
          const fiber = yield* send(turn)
          yield* TestClock.adjust("199 millis")
          assert.strictEqual(calls(), turn)
          // To claim, and then to keep.
          yield* TestClock.adjust("1 millis")
          assert.strictEqual(calls(), turn + 1)
          yield* TestClock.adjust("200 millis")
          assert.strictEqual((yield* Fiber.join(fiber)).messageId, `api-${turn + 1}`)
        }
        yield* eventually(Effect.sync(() => events.includes("redis_away")))
        assert.isDefined((yield* send(3)).pollUnsafe())
        assert.strictEqual(calls(), 4)
        yield* own.resume
        yield* TestClock.adjust("1 second")
        yield* eventually(Effect.sync(() => events.includes("redis_back")))
      }).pipe(Effect.provide(layer))
    })

    it.effect("one that refuses commands counts as away, and its password is told nobody", () => {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ cause, message }) => {
        lines.push(JSON.stringify([message, cause]))
      })
      return Effect.gen(function* () {
        const own = yield* startRedis
        yield* own.send("CONFIG", "SET", "requirepass", "not-hunter2")
        const url = Redacted.make(Redacted.value(own.url).replace("//", "//:hunter2@"))
        const { submit } = countedSubmissions()
        assert.deepStrictEqual(yield* (yield* pod({ ...own, url })).forMessage(message)(RECIPIENT, submit), receipt)
        assert.strictEqual(lines.length, 1)
        assert.include(lines[0] ?? "", "redis_away")
        assert.notInclude(lines.join(), "hunter2")
      }).pipe(Effect.provide(Logger.layer([logger])))
    })
  })
})
