import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { CircuitOpen } from "../../../src/domain/GatewayError.ts"
import { CircuitBreakerLive } from "../../../src/layers/protection/CircuitBreakerLive.ts"
import { CircuitBreaker, type CircuitTransition } from "../../../src/services/CircuitBreaker.ts"
import type { GatewaySettings } from "../../../src/services/GatewayConfig.ts"
import { makeLogRecorder } from "../../kit/LogRecorder.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"
import { configWith } from "../../kit/SettingsKit.ts"

/** At least 10 calls in 60 s, half of them failed; open for 5 minutes. */
const breaker = (circuitBreaker: Partial<GatewaySettings["circuitBreaker"]> = {}) =>
  CircuitBreakerLive.pipe(Layer.provideMerge(layerMetricsRecorder), Layer.provide(configWith({ circuitBreaker })))

type Trouble = "down" | "answer"

const protect = <A>(call: Effect.Effect<A, Trouble>) =>
  Effect.flatMap(CircuitBreaker, (service) => service.protect(call, (error) => error === "down"))

const succeed = protect(Effect.succeed("done"))
const answer = Effect.ignore(protect(Effect.fail("answer" as const)))
const fail = Effect.ignore(protect(Effect.fail("down" as const)))
const times = <A, E, R>(count: number, call: Effect.Effect<A, E, R>) =>
  Effect.forEach(Array.from({ length: count }), () => call, { discard: true })

const state = Effect.flatMap(CircuitBreaker, (service) => service.state)
const gauge = Effect.map(MetricsRecorder, ({ value }) => value("smtp_circuit_breaker_state"))
const assertState = Effect.fnUntraced(function* (expected: "closed" | "open" | "half-open") {
  assert.strictEqual(yield* state, expected)
  assert.strictEqual(yield* gauge, ["closed", "open", "half-open"].indexOf(expected))
})

/** A call that goes on until it is told how to end; whether it began. */
const makeSlowCall = Effect.gen(function* () {
  const began = yield* Deferred.make<void>()
  const end = yield* Deferred.make<string, Trouble>()
  const call = protect(Effect.andThen(Deferred.succeed(began, undefined), Deferred.await(end)))
  const fiber = yield* Effect.forkChild(Effect.exit(call), { startImmediately: true })
  return {
    began: Deferred.isDone(began),
    succeed: Effect.andThen(Deferred.succeed(end, "done"), Fiber.join(fiber)),
    fail: Effect.andThen(Deferred.fail(end, "down"), Fiber.join(fiber)),
    interrupt: Fiber.interrupt(fiber),
    exit: Fiber.join(fiber)
  }
})

const isRefused = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) &&
  exit.cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error instanceof CircuitOpen)

const opened = times(10, fail)
const halfOpened = Effect.andThen(opened, TestClock.adjust("5 minutes"))

describe("CircuitBreakerLive: closed", () => {
  it.effect("passes results and errors through as they are", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* succeed, "done")
      assert.strictEqual(yield* Effect.flip(protect(Effect.fail("down" as const))), "down")
      assert.strictEqual(yield* Effect.flip(protect(Effect.fail("answer" as const))), "answer")
      assert.isTrue(Exit.hasDies(yield* Effect.exit(protect(Effect.die("bug")))))
      yield* assertState("closed")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("opens with the tenth call when all fail", () =>
    Effect.gen(function* () {
      yield* times(9, fail)
      yield* assertState("closed")
      yield* fail
      yield* assertState("open")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("opens at half of the calls, not below", () =>
    Effect.gen(function* () {
      yield* times(6, succeed)
      yield* times(5, fail)
      yield* assertState("closed")
      yield* fail
      yield* assertState("open")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("counts the calls that succeed towards the ten", () =>
    Effect.gen(function* () {
      yield* times(5, fail)
      yield* times(4, succeed)
      yield* assertState("closed")
      yield* succeed
      yield* assertState("open")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("errors that are answers never open it", () =>
    Effect.gen(function* () {
      yield* times(100, answer)
      yield* assertState("closed")
      // And they weigh against the failures like any success.
      yield* times(99, fail)
      yield* assertState("closed")
      yield* fail
      yield* assertState("open")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("forgets what is older than a minute", () =>
    Effect.gen(function* () {
      yield* times(9, fail)
      yield* TestClock.adjust("60 seconds")
      yield* times(9, fail)
      yield* assertState("closed")
      yield* TestClock.adjust("59 seconds")
      yield* fail
      yield* assertState("open")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("successes of long ago do not hide that it fails now", () =>
    Effect.gen(function* () {
      yield* times(1_000, succeed)
      yield* TestClock.adjust("61 seconds")
      yield* times(10, fail)
      yield* assertState("open")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("calls that are interrupted, or go wrong on our side, count as nothing", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 50; i++) yield* (yield* makeSlowCall).interrupt
      yield* times(50, Effect.exit(protect(Effect.die("bug"))))
      yield* times(9, fail)
      yield* assertState("closed")
      yield* fail
      yield* assertState("open")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("calls that are broken off count as failures where that is said", () =>
    Effect.gen(function* () {
      const { protect } = yield* CircuitBreaker
      const broken = Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(
          protect(Effect.never, () => true, "failure"),
          { startImmediately: true }
        )
        yield* Fiber.interrupt(fiber)
      })
      yield* times(9, broken)
      yield* times(50, Effect.exit(protect(Effect.die("bug"), () => true, "failure")))
      yield* assertState("closed")
      yield* broken
      yield* assertState("open")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("keeps to its settings", () =>
    Effect.gen(function* () {
      yield* times(9, succeed)
      yield* fail
      yield* assertState("open")
      yield* TestClock.adjust("999 millis")
      yield* assertState("open")
      yield* TestClock.adjust("1 millis")
      yield* assertState("half-open")
    }).pipe(Effect.provide(breaker({ threshold: 0.1, minimumCalls: 3, openDuration: Duration.seconds(1) })))
  )
})

describe("CircuitBreakerLive: open", () => {
  it.effect("refuses at once and makes no call, for five minutes", () =>
    Effect.gen(function* () {
      yield* opened
      let calls = 0
      const call = protect(Effect.sync(() => ++calls))
      for (let second = 0; second < 300; second++) {
        assert.strictEqual((yield* Effect.flip(call)) instanceof CircuitOpen, true)
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual(calls, 0)
      yield* call
      assert.strictEqual(calls, 1)
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("what began before it opened does not matter any more", () =>
    Effect.gen(function* () {
      const [late, later] = [yield* makeSlowCall, yield* makeSlowCall]
      yield* opened
      assert.deepStrictEqual(yield* late.succeed, Exit.succeed("done"))
      yield* assertState("open")
      yield* TestClock.adjust("5 minutes")
      yield* times(2, succeed)
      yield* later.fail
      yield* assertState("half-open")
      yield* succeed
      yield* assertState("closed")
    }).pipe(Effect.provide(breaker()))
  )
})

describe("CircuitBreakerLive: half-open", () => {
  it.effect("three successes close it, and its past is forgotten", () =>
    Effect.gen(function* () {
      yield* halfOpened
      yield* assertState("half-open")
      yield* times(2, succeed)
      yield* assertState("half-open")
      yield* answer
      yield* assertState("closed")
      yield* times(9, fail)
      yield* assertState("closed")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("one failure opens it again, for another five minutes", () =>
    Effect.gen(function* () {
      yield* halfOpened
      yield* times(2, succeed)
      yield* fail
      yield* assertState("open")
      yield* TestClock.adjust("299 seconds")
      assert.isTrue(isRefused(yield* Effect.exit(succeed)))
      yield* TestClock.adjust("1 second")
      // The successes of before do not count.
      yield* times(2, succeed)
      yield* assertState("half-open")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("lets three through at a time", () =>
    Effect.gen(function* () {
      yield* halfOpened
      const probes = [yield* makeSlowCall, yield* makeSlowCall, yield* makeSlowCall]
      for (const probe of probes) assert.isTrue(yield* probe.began)
      const fourth = yield* makeSlowCall
      assert.isFalse(yield* fourth.began)
      assert.isTrue(isRefused(yield* fourth.exit))
      yield* probes[0]!.succeed
      assert.isTrue(yield* (yield* makeSlowCall).began)
      assert.isTrue(isRefused(yield* Effect.exit(succeed)))
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("an interrupted probe, and one with a defect, gives its place back and says nothing", () =>
    Effect.gen(function* () {
      yield* halfOpened
      for (let i = 0; i < 20; i++) {
        const probes = [yield* makeSlowCall, yield* makeSlowCall, yield* makeSlowCall]
        for (const probe of probes) {
          assert.isTrue(yield* probe.began)
          yield* probe.interrupt
        }
        yield* Effect.exit(protect(Effect.die("bug")))
      }
      yield* assertState("half-open")
      yield* times(3, succeed)
      yield* assertState("closed")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("probes that are interrupted before they have begun leave no place taken", () =>
    Effect.gen(function* () {
      yield* halfOpened
      for (let i = 0; i < 100; i++) {
        const fibers = yield* Effect.forEach(Array.from({ length: 3 }), () => Effect.forkChild(protect(Effect.never)))
        if (i % 2 === 0) yield* Effect.yieldNow
        yield* Fiber.interruptAll(fibers)
      }
      yield* times(3, succeed)
      yield* assertState("closed")
    }).pipe(Effect.provide(breaker()))
  )

  it.effect("a probe that hangs into the next half-open time keeps its place, and its end says nothing", () =>
    Effect.gen(function* () {
      yield* halfOpened
      const [hanging, failing] = [yield* makeSlowCall, yield* makeSlowCall]
      yield* failing.fail
      yield* TestClock.adjust("5 minutes")
      const probes = [yield* makeSlowCall, yield* makeSlowCall]
      for (const probe of probes) assert.isTrue(yield* probe.began)
      assert.isTrue(isRefused(yield* Effect.exit(succeed)))
      yield* hanging.fail
      yield* assertState("half-open")
      for (const probe of probes) yield* probe.succeed
      yield* succeed
      yield* assertState("closed")
    }).pipe(Effect.provide(breaker()))
  )
})

describe("CircuitBreakerLive: what it tells", () => {
  it.effect("transitions as a stream and in the log, with the counts that decided them", () => {
    const logs = makeLogRecorder()
    return Effect.gen(function* () {
      const { transitions } = yield* CircuitBreaker
      const seen: Array<CircuitTransition> = []
      yield* Effect.forkChild(
        Stream.runForEach(transitions, (transition) => Effect.sync(() => void seen.push(transition))),
        { startImmediately: true }
      )
      yield* times(8, succeed)
      yield* times(8, fail)
      yield* TestClock.adjust("5 minutes")
      yield* succeed
      yield* fail
      yield* TestClock.adjust("5 minutes")
      yield* times(3, succeed)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, [
        { from: "closed", to: "open", calls: 16, failures: 8 },
        { from: "open", to: "half-open", calls: 0, failures: 0 },
        { from: "half-open", to: "open", calls: 2, failures: 1 },
        { from: "open", to: "half-open", calls: 0, failures: 0 },
        { from: "half-open", to: "closed", calls: 3, failures: 0 }
      ])
      assert.deepStrictEqual(
        logs.events.map(({ event, level }) => `${level} ${event}`),
        [
          "Warn circuit_breaker_open",
          "Info circuit_breaker_half_open",
          "Warn circuit_breaker_open",
          "Info circuit_breaker_half_open",
          "Info circuit_breaker_closed"
        ]
      )
      assert.deepStrictEqual(logs.events[0]?.fields, { from: "closed", calls: 16, failures: 8, open_ms: 300_000 })
      assert.deepStrictEqual(logs.events[2]?.fields, { from: "half-open", calls: 2, failures: 1, open_ms: 300_000 })
      assert.deepStrictEqual(logs.events[4]?.fields, { calls: 3 })
    }).pipe(Effect.provide(Layer.merge(breaker(), logs.layer)))
  })
})
