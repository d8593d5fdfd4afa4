/** An SMTP client that gives up a message only when it is refused for good: what a mail queue does. */
import { assert } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { ConnectionEnded, openWire, type Wire, type WireReply } from "./SmtpWire.ts"

export type Attempt =
  | "accepted"
  /** Told 4xx at any point, or the connection ended before the data was on its way: nothing was accepted. */
  | "refused"
  /** The connection ended between the data and its reply: nobody told what became of the message. */
  | "unknown"
  /** Told 5xx at any point, the greeting and the login included: the message goes back to its author. */
  | "bounced"

export interface Delivery {
  readonly messageId: string
  /** The last one is `accepted` or `bounced`. */
  readonly attempts: ReadonlyArray<Attempt>
  /** The reply for which it was given up. */
  readonly bounce: string | undefined
}

/**
 * Sends messages with these ids one after the other, each until it is accepted or bounced, several on a connection.
 * `portOf` is asked before each connection with its number. A pause keeps a client that finds nobody from spinning.
 */
export const deliver = Effect.fnUntraced(function* (options: {
  readonly messageIds: ReadonlyArray<string>
  readonly portOf: (connection: number) => number
  readonly localAddress?: string
  readonly onAttempt?: (attempt: Attempt, messageId: string) => void
  /** Messages on a connection before it is left by QUIT. Default: 5. */
  readonly perConnection?: number
}) {
  const { localAddress, onAttempt, perConnection = 5 } = options
  const waiting = [...options.messageIds]
  const deliveries: Array<Delivery> = []
  let attempts: Array<Attempt> = []
  const tried = (messageId: string, attempt: Attempt, bounce?: string) => {
    attempts.push(attempt)
    onAttempt?.(attempt, messageId)
    if (attempt !== "accepted" && attempt !== "bounced") return
    deliveries.push({ messageId, attempts, bounce })
    attempts = []
    waiting.shift()
  }

  for (let connection = 0; waiting.length > 0; connection++) {
    const progress: Progress = { phase: "connecting" }
    const session = Effect.gen(function* () {
      const wire = yield* openWire(options.portOf(connection), localAddress === undefined ? {} : { localAddress })
      yield* logIn(wire, progress)
      for (let sent = 0; sent < perConnection; sent++) {
        const [messageId] = waiting
        if (messageId === undefined) break
        yield* submit(wire, messageId, progress)
        tried(messageId, "accepted")
      }
      // Whatever becomes of it: there is no message that it could tell of.
      yield* Effect.exit(wire.ask("QUIT"))
    })
    const failure = yield* session.pipe(
      Effect.scoped,
      Effect.as<WireReply | "no reply" | undefined>(undefined),
      Effect.catch((reply) => Effect.succeed(reply)),
      Effect.catchDefect((defect) =>
        defect instanceof ConnectionEnded || progress.phase === "connecting"
          ? Effect.succeed("no reply" as const)
          : Effect.die(defect)
      ),
      Effect.timeoutOrElse({ duration: ATTEMPT, orElse: () => Effect.succeed("no reply" as const) })
    )
    const [messageId] = waiting
    if (failure === undefined || messageId === undefined) continue
    if (failure === "no reply") tried(messageId, progress.phase === "data" ? "unknown" : "refused")
    else if (failure.code >= 500) tried(messageId, "bounced", failure.raw)
    else tried(messageId, "refused")
    yield* Effect.sleep(PAUSE)
  }
  return deliveries
})

interface Progress {
  /** `connecting` until TLS is up, where a connection ends in many ways; `data` from the end of the data to its reply. */
  phase: "connecting" | "talking" | "data"
}

const ATTEMPT = Duration.seconds(20)
const PAUSE = Duration.millis(25)

/** Fails with a reply that says no; one that is no answer to the question ends the test. */
const wanted = (code: number, asked: Effect.Effect<WireReply>): Effect.Effect<void, WireReply> =>
  Effect.flatMap(asked, (reply) => {
    if (reply.code === code) return Effect.void
    return reply.code >= 400 ? Effect.fail(reply) : Effect.die(new Error(`${reply.raw} in place of ${code}`))
  })

const logIn = Effect.fnUntraced(function* (wire: Wire, progress: Progress) {
  yield* wanted(220, wire.reply)
  yield* wanted(250, wire.ask("EHLO client.example.com"))
  yield* wanted(220, wire.ask("STARTTLS"))
  yield* wire.startTls
  progress.phase = "talking"
  yield* wanted(250, wire.ask("EHLO client.example.com"))
  yield* wanted(235, wire.login())
})

const submit = Effect.fnUntraced(function* (wire: Wire, messageId: string, progress: Progress) {
  yield* wanted(250, wire.ask("MAIL FROM:<demo@example.com>"))
  yield* wanted(250, wire.ask("RCPT TO:<to@example.com>"))
  yield* wanted(354, wire.ask("DATA"))
  progress.phase = "data"
  const data = `From: demo@example.com\r\nSubject: ${messageId}\r\nMessage-ID: <${messageId}@example.com>\r\n\r\nhello\r\n.`
  yield* wanted(250, wire.ask(data))
  progress.phase = "talking"
})

/**
 * Every message was accepted, and captured once; more often only as often as its client was left without an answer.
 * Tells how many were left so, and how many of these came twice.
 */
export const assertAllArrived = (
  deliveries: ReadonlyArray<Delivery>,
  captured: ReadonlyArray<{ readonly subject: string }>
): { readonly unknown: number; readonly doubled: number } => {
  const copies = new Map<string, number>()
  for (const { subject } of captured) copies.set(subject, (copies.get(subject) ?? 0) + 1)
  let unknown = 0
  let doubled = 0
  for (const { attempts, bounce, messageId } of deliveries) {
    const story = `${messageId}: ${attempts.join(", ")}`
    assert.isUndefined(bounce, story)
    assert.strictEqual(attempts.at(-1), "accepted", story)
    const arrived = copies.get(messageId) ?? 0
    const doubts = attempts.filter((attempt) => attempt === "unknown").length
    assert.isAtLeast(arrived, 1, story)
    assert.isAtMost(arrived, 1 + doubts, story)
    if (doubts > 0) unknown++
    if (arrived > 1) doubled++
  }
  return { unknown, doubled }
}
