import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { makeDeadlines, type WatchedConnection } from "../../../src/layers/smtp/deadlines.ts"
import type { Activity } from "../../../src/layers/smtp/activity.ts"
import { settableClock } from "../../kit/SetClock.ts"

/** A connection that is busy with what the test says, and what was done to it. */
class ConnectionFake implements WatchedConnection {
  readonly done: Array<string> = []
  now: Activity
  constructor(now: Activity) {
    this.now = now
  }
  looks = 0
  activity = () => {
    this.looks++
    return this.now
  }
  refuse = (error: { readonly _tag: string }) => void this.done.push(`refused: ${error._tag}`)
  abort = () => void this.done.push("aborted")
  abortData = (error: { readonly _tag: string }) => void this.done.push(`data aborted: ${error._tag}`)
}

const LIMITS = { connectionTimeout: Duration.seconds(300), dataTimeout: Duration.seconds(600), minDataRate: 500 }

const watch = Effect.fnUntraced(function* (activity: Activity, limits: Partial<typeof LIMITS> = {}) {
  const connection = new ConnectionFake(activity)
  const state = { expired: 0 }
  yield* makeDeadlines({ submissions: [connection] }, { expire: () => void state.expired++ }, { ...LIMITS, ...limits })
  return { connection, state }
})

/** Receives so many octets in each second of the test clock. */
const receive = Effect.fnUntraced(function* (connection: ConnectionFake, seconds: number, rate: number) {
  for (let second = 0; second < seconds; second++) {
    yield* TestClock.adjust("1 second")
    const { now } = connection
    if (now._tag === "Receiving") connection.now = { ...now, octets: now.octets + rate }
  }
})

describe("deadlines", () => {
  it.effect("send a connection away that is idle for CONNECTION_TIMEOUT, and not before", () =>
    Effect.gen(function* () {
      const { connection } = yield* watch({ _tag: "Idle", since: 0 })
      yield* TestClock.adjust("299 seconds")
      assert.deepStrictEqual(connection.done, [])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(connection.done[0], "refused: IdleTimeout")
    })
  )

  it.effect("hold for what a connection begins between two looks at it", () =>
    Effect.gen(function* () {
      const { connection } = yield* watch({ _tag: "Idle", since: 0 })
      yield* TestClock.adjust("5 seconds")
      connection.now = { _tag: "Handshake", since: yield* Clock.currentTimeMillis }
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(connection.done, [])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(connection.done[0], "aborted")
    })
  )

  for (const { begun, done, limits } of [
    {
      begun: (since: number): Activity => ({ _tag: "Idle", since }),
      limits: { connectionTimeout: Duration.seconds(2) },
      done: "refused: IdleTimeout"
    },
    {
      begun: (since: number): Activity => ({ _tag: "Receiving", since, octets: 0 }),
      limits: { dataTimeout: Duration.seconds(2) },
      done: "data aborted: DataTooSlow"
    }
  ]) {
    it.effect(`hold for it to a quarter of a second where a setting is short: ${done}`, () =>
      Effect.gen(function* () {
        const { connection } = yield* watch({ _tag: "Waiting" }, limits)
        yield* TestClock.adjust("500 millis")
        connection.now = begun(yield* Clock.currentTimeMillis)
        yield* TestClock.adjust("1990 millis")
        assert.deepStrictEqual(connection.done, [])
        yield* TestClock.adjust("260 millis")
        assert.strictEqual(connection.done[0], done)
      })
    )
  }

  it.effect("look at an idle connection a few times a minute, not at every sweep", () =>
    Effect.gen(function* () {
      const { connection, state } = yield* watch({ _tag: "Idle", since: 0 })
      yield* TestClock.adjust("1 minute")
      assert.isAtLeast(state.expired, 240)
      assert.isAtMost(connection.looks, 8)
    })
  )

  for (const hours of [1, -1]) {
    it.effect(`hold when the clock of the machine is set by ${hours} h`, () =>
      Effect.gen(function* () {
        const clock = yield* settableClock
        yield* TestClock.adjust("2 hours")
        const { connection } = yield* Effect.provideService(
          watch({ _tag: "Idle", since: Duration.toMillis("2 hours") }),
          Clock.Clock,
          clock.machine
        )
        yield* TestClock.adjust("1 second")
        clock.set(Duration.hours(hours))
        yield* TestClock.adjust("298 seconds")
        assert.deepStrictEqual(connection.done, [])
        yield* TestClock.adjust("1 second")
        assert.strictEqual(connection.done[0], "refused: IdleTimeout")
      })
    )
  }

  it.effect("end handshakes after ten seconds", () =>
    Effect.gen(function* () {
      const { connection } = yield* watch({ _tag: "Handshake", since: 0 })
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(connection.done, [])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(connection.done[0], "aborted")
    })
  )

  it.effect("never cut a client that waits for us", () =>
    Effect.gen(function* () {
      const { connection, state } = yield* watch({ _tag: "Waiting" })
      yield* TestClock.adjust("2 hours")
      assert.deepStrictEqual(connection.done, [])
      assert.isAbove(state.expired, 1_000)
    })
  )

  it.effect("end data that takes DATA_TIMEOUT, however fast it comes", () =>
    Effect.gen(function* () {
      const { connection } = yield* watch({ _tag: "Receiving", since: 0, octets: 0 })
      yield* receive(connection, 599, 10_000)
      assert.deepStrictEqual(connection.done, [])
      yield* receive(connection, 1, 10_000)
      assert.strictEqual(connection.done[0], "data aborted: DataTooSlow")
    })
  )

  it.effect("end data that stays below MIN_DATA_RATE for 30 seconds", () =>
    Effect.gen(function* () {
      const { connection } = yield* watch({ _tag: "Receiving", since: 0, octets: 0 })
      yield* receive(connection, 29, 400)
      assert.deepStrictEqual(connection.done, [])
      yield* receive(connection, 1, 400)
      assert.strictEqual(connection.done[0], "data aborted: DataTooSlow")
    })
  )

  it.effect("measure each 30 seconds by themselves: what came fast before does not excuse", () =>
    Effect.gen(function* () {
      const { connection } = yield* watch({ _tag: "Receiving", since: 0, octets: 0 })
      yield* receive(connection, 31, 1_000_000)
      assert.deepStrictEqual(connection.done, [])
      yield* receive(connection, 62, 100)
      assert.strictEqual(connection.done[0], "data aborted: DataTooSlow")
    })
  )

  it.effect("let pass what pauses, as long as the rate holds", () =>
    Effect.gen(function* () {
      const { connection } = yield* watch({ _tag: "Receiving", since: 0, octets: 0 })
      for (let round = 0; round < 5; round++) {
        yield* receive(connection, 25, 0)
        yield* receive(connection, 5, 4_000)
      }
      assert.deepStrictEqual(connection.done, [])
    })
  )

  it.effect("begin anew with each message of a connection", () =>
    Effect.gen(function* () {
      const { connection } = yield* watch({ _tag: "Receiving", since: 0, octets: 0 })
      yield* receive(connection, 20, 0)
      connection.now = { _tag: "Receiving", since: yield* Clock.currentTimeMillis, octets: 0 }
      yield* receive(connection, 29, 0)
      assert.deepStrictEqual(connection.done, [])
      yield* receive(connection, 2, 0)
      assert.strictEqual(connection.done[0], "data aborted: DataTooSlow")
    })
  )

  it.effect("leave slow data alone when MIN_DATA_RATE is 0", () =>
    Effect.gen(function* () {
      const { connection } = yield* watch({ _tag: "Receiving", since: 0, octets: 0 }, { minDataRate: 0 })
      yield* receive(connection, 500, 0)
      assert.deepStrictEqual(connection.done, [])
    })
  )
})
