/** What every RecentSubmissions keeps, whatever it keeps its receipts in. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer } from "effect"
import { ApiUnreachable, type SubmissionError, SubmissionRejected } from "../../src/domain/GatewayError.ts"
import type { SubmissionReceipt } from "../../src/domain/Submission.ts"
import type { GatewayConfig } from "../../src/services/GatewayConfig.ts"
import type { Metrics } from "../../src/services/Metrics.ts"
import { RecentSubmissions, type RepeatableMessage } from "../../src/services/RecentSubmissions.ts"
import { layerMetricsRecorder } from "./MetricsRecorder.ts"
import { configWith } from "./SettingsKit.ts"

export interface RecentSubmissionsHarness {
  /** A new one, that remembers nothing. */
  readonly layer: Layer.Layer<RecentSubmissions, never, GatewayConfig | Metrics>
  /** Lets the time pass for it, with nothing under way. */
  readonly elapse: (duration: Duration.Duration) => Effect.Effect<void>
}

export const message: RepeatableMessage = {
  identity: { accountId: 7, username: "user@example.com" },
  messageId: "<1@example.com>",
  idempotency: undefined,
  raw: Buffer.from("Message-ID: <1@example.com>\r\n\r\nHello\r\n")
}

/** A message that is built anew each time that it is sent. */
export const keyedMessage = (
  given: { readonly key?: ReadonlyArray<string>; readonly content?: ReadonlyArray<string> } = {}
): RepeatableMessage => {
  builds++
  const messageId = `<${builds}@example.com>`
  return {
    ...message,
    messageId,
    idempotency: { key: ["order-1042"], content: ["Hello", "Good morning"], ...given },
    raw: Buffer.from(`Message-ID: ${messageId}\r\n\r\nHello\r\n`)
  }
}

let builds = 0

export const RECIPIENT = "jane@example.com"

/** Submissions that are counted and accepted under ids of their own. */
export const countedSubmissions = () => {
  let calls = 0
  const submit = Effect.sync((): SubmissionReceipt => ({ recipient: RECIPIENT, messageId: `api-${++calls}` }))
  return { submit, calls: () => calls }
}

/** A submission that tells when it has begun, and ends as it is told. */
export const heldSubmission = Effect.gen(function* () {
  const begun = yield* Deferred.make<void>()
  const outcome = yield* Deferred.make<SubmissionReceipt, SubmissionError>()
  let calls = 0
  const submit = Effect.suspend(() => {
    calls++
    return Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(outcome))
  })
  return { submit, begun: Deferred.await(begun), outcome, calls: () => calls }
})

const receipt: SubmissionReceipt = { recipient: RECIPIENT, messageId: "api-1" }

export const recentSubmissionsContract = (name: string, harness: Effect.Effect<RecentSubmissionsHarness>): void => {
  const test = (
    title: string,
    body: (elapse: RecentSubmissionsHarness["elapse"]) => Effect.Effect<void, unknown, RecentSubmissions>
  ) =>
    it.effect(title, () =>
      Effect.flatMap(harness, ({ elapse, layer }) =>
        body(elapse).pipe(
          Effect.provide(layer.pipe(Layer.provide(Layer.merge(configWith(), layerMetricsRecorder))), { local: true })
        )
      )
    )

  describe(`${name} keeps the contract of RecentSubmissions`, () => {
    test("an equal submission gets the first receipt, without a call", () =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const { calls, submit } = countedSubmissions()
        assert.deepStrictEqual(yield* recent.forMessage(message)(RECIPIENT, submit), receipt)
        // Another object of the same content, as it comes over another connection.
        const again = { ...message, raw: Buffer.from(message.raw) }
        assert.deepStrictEqual(yield* recent.forMessage(again)(RECIPIENT, submit), receipt)
        assert.strictEqual(calls(), 1)
      }))

    test("the receipt carries the recipient as it is spelled now", () =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const { calls, submit } = countedSubmissions()
        yield* recent.forMessage(message)("jane@example.com", submit)
        assert.deepStrictEqual(yield* recent.forMessage(message)("jane@EXAMPLE.com", submit), {
          recipient: "jane@EXAMPLE.com",
          messageId: "api-1"
        })
        assert.strictEqual(calls(), 1)
      }))

    test("a receipt is kept for the window, counted from when it was accepted, and no longer", (elapse) =>
      Effect.gen(function* () {
        const submitOnce = (yield* RecentSubmissions).forMessage(message)
        const { calls, submit } = countedSubmissions()
        yield* submitOnce(RECIPIENT, submit)
        yield* elapse(Duration.minutes(9))
        yield* submitOnce(RECIPIENT, submit)
        assert.strictEqual(calls(), 1)
        yield* elapse(Duration.seconds(61))
        assert.strictEqual((yield* submitOnce(RECIPIENT, submit)).messageId, "api-2")
      }))

    test("what differs is another submission", () =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const { calls, submit } = countedSubmissions()
        const others: ReadonlyArray<readonly [other: RepeatableMessage, recipient: string]> = [
          [message, RECIPIENT],
          [message, "john@example.com"],
          [message, "Jane@example.com"],
          [{ ...message, messageId: "<2@example.com>" }, RECIPIENT],
          [{ ...message, raw: Buffer.from("Message-ID: <1@example.com>\r\n\r\nHallo\r\n") }, RECIPIENT],
          [{ ...message, identity: { ...message.identity, accountId: 8 } }, RECIPIENT],
          [{ ...message, identity: { accountId: undefined, username: "user@example.com" } }, RECIPIENT],
          [{ ...message, identity: { accountId: undefined, username: "7" } }, RECIPIENT]
        ]
        for (const [other, recipient] of others) yield* recent.forMessage(other)(recipient, submit)
        assert.strictEqual(calls(), others.length)
        for (const [other, recipient] of others) yield* recent.forMessage(other)(recipient, submit)
        assert.strictEqual(calls(), others.length)
      }))

    test("two users of one account are one, for the account is what is charged", () =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const { calls, submit } = countedSubmissions()
        yield* recent.forMessage(message)(RECIPIENT, submit)
        const identity = { accountId: 7, username: "other@example.com" }
        yield* recent.forMessage({ ...message, identity })(RECIPIENT, submit)
        assert.strictEqual(calls(), 1)
      }))

    test("without a Message-ID nothing is a duplicate, not even at the same time", () =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const { calls, submit } = countedSubmissions()
        for (const messageId of [undefined, ""]) {
          const submitOnce = recent.forMessage({ ...message, messageId })
          yield* Effect.all([submitOnce(RECIPIENT, submit), submitOnce(RECIPIENT, submit)], { concurrency: 2 })
        }
        assert.strictEqual(calls(), 4)
      }))

    test("with an idempotency key a mail that was built anew gets the first receipt", (elapse) =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const { calls, submit } = countedSubmissions()
        for (const messageId of ["<first@example.com>", "<second@example.com>", undefined]) {
          const again = recent.forMessage({ ...keyedMessage(), messageId })
          assert.deepStrictEqual(yield* again(RECIPIENT, submit), receipt)
        }
        assert.strictEqual(calls(), 1)
        yield* elapse(Duration.seconds(601))
        yield* recent.forMessage(keyedMessage())(RECIPIENT, submit)
        assert.strictEqual(calls(), 2)
      }))

    test("the same key of another account, for another recipient or beside none is another submission", () =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const { calls, submit } = countedSubmissions()
        const others: ReadonlyArray<readonly [other: RepeatableMessage, recipient: string]> = [
          [keyedMessage(), RECIPIENT],
          [keyedMessage(), "john@example.com"],
          [keyedMessage({ key: ["order-1043"] }), RECIPIENT],
          [keyedMessage({ key: ["order", "1042"] }), RECIPIENT],
          [{ ...keyedMessage(), identity: { ...message.identity, accountId: 8 } }, RECIPIENT],
          [{ ...keyedMessage(), idempotency: undefined }, RECIPIENT]
        ]
        for (const [other, recipient] of others) yield* recent.forMessage(other)(recipient, submit)
        assert.strictEqual(calls(), others.length)
      }))

    test("a key that was accepted with other content is refused, and the first message stands", () =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const { calls, submit } = countedSubmissions()
        yield* recent.forMessage(keyedMessage())(RECIPIENT, submit)
        for (const content of [["Hello", "Good evening"], ["HelloGood morning"], ["HelloG", "ood morning"], []]) {
          const other = recent.forMessage(keyedMessage({ content }))(RECIPIENT, submit)
          assert.strictEqual((yield* Effect.flip(other))._tag, "IdempotencyKeyReused")
        }
        assert.deepStrictEqual(yield* recent.forMessage(keyedMessage())(RECIPIENT, submit), receipt)
        assert.strictEqual(calls(), 1)
      }))

    test("a key whose message failed is free for a corrected one", () =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const error = new SubmissionRejected({ subject: "content", reason: "too long", status: 422 })
        yield* Effect.flip(recent.forMessage(keyedMessage())(RECIPIENT, Effect.fail(error)))
        const { calls, submit } = countedSubmissions()
        yield* recent.forMessage(keyedMessage({ content: ["Hi"] }))(RECIPIENT, submit)
        assert.strictEqual(calls(), 1)
      }))

    test("a mail that is built anew waits for the one under way, another mail with its key does so in vain", () =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const error = new SubmissionRejected({ subject: "content", reason: "too long", status: 422 })
        for (const outcome of [Exit.succeed(receipt), Exit.fail(error)]) {
          const held = yield* heldSubmission
          const key = [outcome._tag]
          const start = (content: ReadonlyArray<string>) =>
            Effect.forkChild(Effect.result(recent.forMessage(keyedMessage({ key, content }))(RECIPIENT, held.submit)), {
              startImmediately: true
            })
          const leader = yield* start(["Hello"])
          yield* held.begun
          const again = yield* start(["Hello"])
          const other = yield* start(["Bye"])
          yield* Deferred.done(held.outcome, outcome)
          assert.deepStrictEqual(yield* Fiber.join(again), yield* Fiber.join(leader))
          const refused = yield* Effect.flip(Effect.fromResult(yield* Fiber.join(other)))
          assert.strictEqual(refused._tag, Exit.isSuccess(outcome) ? "IdempotencyKeyReused" : "SubmissionInProgress")
          assert.strictEqual(held.calls(), 1)
        }
      }))

    test("a failure is not remembered", () =>
      Effect.gen(function* () {
        const submitOnce = (yield* RecentSubmissions).forMessage(message)
        const error = new ApiUnreachable({ cause: "refused" })
        assert.strictEqual(yield* Effect.flip(submitOnce(RECIPIENT, Effect.fail(error))), error)
        const { calls, submit } = countedSubmissions()
        assert.deepStrictEqual(yield* submitOnce(RECIPIENT, submit), receipt)
        assert.strictEqual(calls(), 1)
      }))

    test("equal submissions at the same time make one call and get one receipt", () =>
      Effect.gen(function* () {
        const recent = yield* RecentSubmissions
        const held = yield* heldSubmission
        const fibers = []
        for (let client = 0; client < 50; client++) {
          fibers.push(
            yield* Effect.forkChild(recent.forMessage(message)(RECIPIENT, held.submit), { startImmediately: true })
          )
        }
        yield* held.begun
        yield* Deferred.succeed(held.outcome, receipt)
        for (const fiber of fibers) assert.deepStrictEqual(yield* Fiber.join(fiber), receipt)
        assert.strictEqual(held.calls(), 1)
      }))

    test("who waited for a submission that failed gets the same failure, and makes no call", () =>
      Effect.gen(function* () {
        const submitOnce = (yield* RecentSubmissions).forMessage(message)
        const held = yield* heldSubmission
        const leader = yield* Effect.forkChild(submitOnce(RECIPIENT, held.submit), { startImmediately: true })
        const waiter = yield* Effect.forkChild(submitOnce(RECIPIENT, held.submit), { startImmediately: true })
        const error = new SubmissionRejected({ subject: "recipient", reason: "no such mailbox", status: 422 })
        yield* held.begun
        yield* Deferred.fail(held.outcome, error)
        assert.strictEqual(yield* Effect.flip(Fiber.join(leader)), error)
        assert.strictEqual(yield* Effect.flip(Fiber.join(waiter)), error)
        assert.strictEqual(held.calls(), 1)
      }))

    test("who waited for a submission that was interrupted is told to come back, and then submits", () =>
      Effect.gen(function* () {
        const submitOnce = (yield* RecentSubmissions).forMessage(message)
        const held = yield* heldSubmission
        const leader = yield* Effect.forkChild(submitOnce(RECIPIENT, held.submit), { startImmediately: true })
        const waiter = yield* Effect.forkChild(submitOnce(RECIPIENT, held.submit), { startImmediately: true })
        yield* held.begun
        yield* Fiber.interrupt(leader)
        assert.strictEqual((yield* Effect.flip(Fiber.join(waiter)))._tag, "SubmissionInProgress")
        assert.strictEqual(held.calls(), 1)
        assert.deepStrictEqual(yield* submitOnce(RECIPIENT, countedSubmissions().submit), receipt)
      }))

    test("who goes while waiting takes nothing from the others", () =>
      Effect.gen(function* () {
        const submitOnce = (yield* RecentSubmissions).forMessage(message)
        const held = yield* heldSubmission
        const leader = yield* Effect.forkChild(submitOnce(RECIPIENT, held.submit), { startImmediately: true })
        const waiter = yield* Effect.forkChild(submitOnce(RECIPIENT, held.submit), { startImmediately: true })
        yield* held.begun
        yield* Fiber.interrupt(waiter)
        yield* Deferred.succeed(held.outcome, receipt)
        assert.deepStrictEqual(yield* Fiber.join(leader), receipt)
      }))

    test("a defect is shared, and leaves nothing behind", () =>
      Effect.gen(function* () {
        const submitOnce = (yield* RecentSubmissions).forMessage(message)
        const held = yield* heldSubmission
        const leader = yield* Effect.forkChild(submitOnce(RECIPIENT, held.submit), { startImmediately: true })
        const waiter = yield* Effect.forkChild(submitOnce(RECIPIENT, held.submit), { startImmediately: true })
        yield* held.begun
        yield* Deferred.die(held.outcome, "a defect")
        assert.isTrue(Exit.hasDies(yield* Fiber.await(leader)))
        assert.isTrue(Exit.hasDies(yield* Fiber.await(waiter)))
        assert.deepStrictEqual(yield* submitOnce(RECIPIENT, countedSubmissions().submit), receipt)
      }))
  })
}
