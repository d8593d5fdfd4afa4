/** An exchange whose answer has come and waits for its stage. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Dispatcher } from "undici"
import { exchange, type Traffic } from "../../../src/layers/cakemail/ApiExchange.ts"
import { StagedScheduler } from "../../../src/layers/scheduling/StagedScheduler.ts"
import { eventually } from "../../kit/SandboxKit.ts"

/** Takes one request, which has gone out as a whole; `answer` ends it with 200. */
class OneRequest extends Dispatcher {
  #handler: Dispatcher.DispatchHandler | undefined

  get isTaken(): boolean {
    return this.#handler !== undefined
  }

  override dispatch(_options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#handler = handler
    handler.onRequestSent?.()
    return true
  }

  answer(): void {
    this.#handler?.onResponseStart?.(controller, 200, {}, "OK")
    this.#handler?.onResponseEnd?.(controller, {})
  }
}

const controller: Dispatcher.DispatchController = {
  aborted: false,
  paused: false,
  reason: null,
  rawHeaders: null,
  rawTrailers: null,
  abort: () => {},
  pause: () => {},
  resume: () => {}
}

const underWay = Effect.gen(function* () {
  const dispatcher = new OneRequest()
  const traffic: Traffic = { underWay: 0 }
  const abandoned: Array<boolean> = []
  const fiber = yield* Effect.forkChild(
    exchange(
      dispatcher,
      {
        origin: "http://127.0.0.1",
        method: "GET",
        path: "/",
        headers: [],
        body: [],
        timeout: 1000,
        isOver: () => false,
        onAbandoned: (begun) => Effect.sync(() => void abandoned.push(begun))
      },
      traffic
    )
  )
  yield* eventually(Effect.sync(() => dispatcher.isTaken))
  assert.strictEqual(traffic.underWay, 1)
  return { abandoned, dispatcher, fiber, traffic }
})

describe("an answer that waits for its stage", () => {
  it.live("ends the exchange", () =>
    Effect.gen(function* () {
      const { abandoned, dispatcher, fiber, traffic } = yield* underWay
      dispatcher.answer()
      assert.strictEqual(traffic.underWay, 0)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Answered")
      assert.deepStrictEqual(abandoned, [])
    }).pipe(Effect.provide(StagedScheduler.layer))
  )

  it.live("is not seen by one who is interrupted meanwhile: it counts as abandoned, and once", () =>
    Effect.gen(function* () {
      const { abandoned, dispatcher, fiber, traffic } = yield* underWay
      dispatcher.answer()
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(traffic.underWay, 0)
      assert.deepStrictEqual(abandoned, [true])
    }).pipe(Effect.provide(StagedScheduler.layer))
  )
})
