import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import {
  ApiAnswerUnreadable,
  ApiFailed,
  ApiOutcomeUnknown,
  ApiRateLimited,
  ApiUnreachable,
  CircuitOpen,
  type SubmitError,
  SubmissionErrored,
  SubmissionRejected,
  TokenRejected
} from "../../../src/domain/GatewayError.ts"
import { makeRetries, type RetriedOperation } from "../../../src/layers/cakemail/retries.ts"
import { Readiness } from "../../../src/services/Readiness.ts"
import { configWith } from "../../kit/SettingsKit.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"
import { layerReadiness } from "../../kit/ReadinessKit.ts"

const unreachable = new ApiUnreachable({ cause: "c" })
const failed = new ApiFailed({ status: 503 })
const unknown = new ApiOutcomeUnknown({ kind: "reset", cause: "c" })
const unreadable = new ApiAnswerUnreadable({ status: 201, cause: "c" })
const rejected = new SubmissionRejected({ subject: "content", reason: "r", status: 400 })

/** Fails with these errors in turn, then succeeds; keeps when it was called, in milliseconds of the test clock. */
const scripted = (...errors: ReadonlyArray<SubmitError>) => {
  const calledAt: Array<number> = []
  return {
    calledAt,
    call: Effect.clockWith((clock) => {
      const error = errors[calledAt.length]
      calledAt.push(clock.currentTimeMillisUnsafe())
      return error === undefined ? Effect.succeed("done") : Effect.fail(error)
    })
  }
}

/** Runs the operation to its end on the test clock; gives `done` or the tag of the error, and the log. */
const run = (operation: RetriedOperation, call: Effect.Effect<string, SubmitError>) =>
  Effect.gen(function* () {
    const events: Array<unknown> = []
    const logger = Logger.make<unknown, void>(
      ({ message }) => void events.push(Array.isArray(message) ? message[0] : message)
    )
    const retry = yield* makeRetries
    const outcome = retry(operation, call).pipe(Effect.catch((error) => Effect.succeed(error._tag)))
    const fiber = yield* Effect.forkChild(Effect.provide(outcome, Logger.layer([logger])), { startImmediately: true })
    yield* TestClock.adjust("1 minute")
    return { outcome: yield* Fiber.join(fiber), events }
  })

const layer = Layer.mergeAll(configWith(), layerMetricsRecorder, layerReadiness())

const within = (value: number | undefined, low: number, high: number) => {
  assert.isAtLeast(value ?? Number.NaN, low)
  assert.isAtMost(value ?? Number.NaN, high)
}

describe("makeRetries", () => {
  it.effect("calls once what succeeds", () =>
    Effect.gen(function* () {
      const { call, calledAt } = scripted()
      assert.deepStrictEqual(yield* run("submit", call), { outcome: "done", events: [] })
      assert.strictEqual(calledAt.length, 1)
      const { value } = yield* MetricsRecorder
      assert.strictEqual(value("smtp_retries_total", { operation: "submit" }), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("makes three calls in all, a second and two seconds apart, more or less", () =>
    Effect.gen(function* () {
      const { call, calledAt } = scripted(unreachable, failed, unreachable, failed)
      assert.strictEqual((yield* run("submit", call)).outcome, "ApiUnreachable")
      assert.strictEqual(calledAt.length, 3)
      within(calledAt[1]! - calledAt[0]!, 800, 1200)
      within(calledAt[2]! - calledAt[1]!, 1600, 2400)
      const { value } = yield* MetricsRecorder
      assert.strictEqual(value("smtp_retries_total", { operation: "submit" }), 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("does not wait the same time twice", () =>
    Effect.gen(function* () {
      const waits = new Set<number>()
      for (let round = 0; round < 5; round++) {
        const { call, calledAt } = scripted(failed)
        yield* run("submit", call)
        waits.add(calledAt[1]! - calledAt[0]!)
      }
      assert.isAbove(waits.size, 1)
    }).pipe(Effect.provide(layer))
  )

  for (const error of [failed, unreachable]) {
    it.effect(`succeeds after two times ${error._tag}`, () =>
      Effect.gen(function* () {
        const { call } = scripted(error, error)
        assert.deepStrictEqual(yield* run("submit", call), { outcome: "done", events: [] })
      }).pipe(Effect.provide(layer))
    )
  }

  const final: ReadonlyArray<SubmitError> = [
    rejected,
    new ApiRateLimited({ retryAfter: 1 }),
    new TokenRejected(),
    new SubmissionErrored(),
    new CircuitOpen(),
    new ApiFailed({ status: 302 })
  ]
  for (const error of final) {
    it.effect(`never repeats after ${error._tag}`, () =>
      Effect.gen(function* () {
        const { call, calledAt } = scripted(error)
        assert.deepStrictEqual(yield* run("submit", call), { outcome: error._tag, events: [] })
        assert.strictEqual(calledAt.length, 1)
      }).pipe(Effect.provide(layer))
    )
  }

  it.effect("stops at an error that is not to be repeated", () =>
    Effect.gen(function* () {
      const { call, calledAt } = scripted(failed, rejected)
      assert.strictEqual((yield* run("submit", call)).outcome, "SubmissionRejected")
      assert.strictEqual(calledAt.length, 2)
    }).pipe(Effect.provide(layer))
  )

  const unknowns: ReadonlyArray<readonly [string, ReadonlyArray<SubmitError>, string, number, number]> = [
    ["repeats once after an unknown outcome", [unknown], "done", 2, 1],
    ["gives up after two unknown outcomes", [unknown, unknown], "ApiOutcomeUnknown", 2, 2],
    ["makes no third call after an unknown outcome, whatever the second says", [unknown, failed], "ApiFailed", 2, 1],
    ["repeats an unknown second call", [failed, unknown], "done", 3, 1],
    ["keeps to three calls", [failed, unknown, unknown], "ApiOutcomeUnknown", 3, 2],
    ["never repeats after an unreadable answer", [unreadable], "ApiAnswerUnreadable", 1, 1],
    ["not after a retry either", [failed, unreadable], "ApiAnswerUnreadable", 2, 1]
  ]
  for (const [name, errors, outcome, calls, warnings] of unknowns) {
    it.effect(`of a submission ${name}`, () =>
      Effect.gen(function* () {
        const { call, calledAt } = scripted(...errors)
        const ran = yield* run("submit", call)
        assert.strictEqual(ran.outcome, outcome)
        assert.strictEqual(calledAt.length, calls)
        assert.deepStrictEqual(
          ran.events,
          Array.from({ length: warnings }, () => "possible_duplicate")
        )
      }).pipe(Effect.provide(layer))
    )
  }

  it.effect("repeats logins and look-ups after unknown outcomes too, and logins sooner", () =>
    Effect.gen(function* () {
      const prepare = scripted(unknown, unknown)
      assert.deepStrictEqual(yield* run("prepare", prepare.call), { outcome: "done", events: [] })
      const login = scripted(unknown, unknown)
      assert.deepStrictEqual(yield* run("login", login.call), { outcome: "done", events: [] })
      within(login.calledAt[2]! - login.calledAt[0]!, 480, 720)
    }).pipe(Effect.provide(layer))
  )

  it.effect("starts no retry while draining", () =>
    Effect.gen(function* () {
      const readiness = yield* Readiness
      const { value } = yield* MetricsRecorder
      yield* readiness.set("draining", true)
      const { call, calledAt } = scripted(failed)
      assert.strictEqual((yield* run("submit", call)).outcome, "ApiFailed")
      assert.strictEqual(calledAt.length, 1)
      assert.strictEqual(value("smtp_retries_total", { operation: "submit" }), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("starts none when draining begins during the pause, and tells the failure that it knows once", () =>
    Effect.gen(function* () {
      const readiness = yield* Readiness
      const { value } = yield* MetricsRecorder
      const { call, calledAt } = scripted(unknown)
      yield* readiness.set("draining", true).pipe(Effect.delay("500 millis"), Effect.forkChild)
      assert.deepStrictEqual(yield* run("submit", call), {
        outcome: "ApiOutcomeUnknown",
        events: ["possible_duplicate"]
      })
      assert.strictEqual(calledAt.length, 1)
      assert.strictEqual(value("smtp_retries_total", { operation: "submit" }), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps to API_MAX_RETRIES", () =>
    Effect.gen(function* () {
      const { call, calledAt } = scripted(failed, failed, failed)
      assert.strictEqual((yield* run("submit", call)).outcome, "ApiFailed")
      assert.strictEqual(calledAt.length, 1)
    }).pipe(
      Effect.provide(Layer.mergeAll(configWith({ api: { maxRetries: 0 } }), layerMetricsRecorder, layerReadiness()))
    )
  )
})
