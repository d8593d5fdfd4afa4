/** An SMTP client that gives up a message only when it is refused for good: what a mail queue does. */
import { Duration, Effect, Exit, Ref } from "effect"
import { openLoggedInWire } from "./SmtpWire.ts"

export type Attempt =
  | "accepted"
  /** Told 4xx at any point, or the connection ended before the data was on its way: nothing was accepted. */
  | "refused"
  /** The connection ended between the data and its reply: nobody told what became of the message. */
  | "unknown"

export interface Delivery {
  readonly messageId: string
  readonly attempts: ReadonlyArray<Attempt>
}

/**
 * Sends messages with these ids one after the other, each until it is accepted, several on a connection. `portOf` is
 * asked before each connection with its number. A pause keeps a client that finds nobody from spinning.
 */
export const deliver = Effect.fnUntraced(function* (options: {
  readonly messageIds: ReadonlyArray<string>
  readonly portOf: (connection: number) => number
  readonly localAddress?: string
  readonly onAccepted?: (messageId: string) => void
  /** Messages on a connection before it is left by QUIT. Default: 5. */
  readonly perConnection?: number
}) {
  const { localAddress, messageIds, onAccepted, perConnection = 5 } = options
  const attempts = messageIds.map(() => new Array<Attempt>())
  let next = 0
  for (let connection = 0; next < messageIds.length; connection++) {
    const phase = yield* Ref.make<"before" | "data">("before")
    const session = Effect.gen(function* () {
      const wire = yield* openLoggedInWire(
        options.portOf(connection),
        localAddress === undefined ? {} : { localAddress }
      )
      for (let sent = 0; sent < perConnection && next < messageIds.length; sent++) {
        const messageId = messageIds[next] ?? ""
        for (const [command, wanted] of transaction(messageId)) {
          const last = wanted === 250 && command.endsWith("\r\n.")
          if (last) yield* Ref.set(phase, "data")
          const { code, raw } = yield* wire.ask(command)
          yield* Ref.set(phase, "before")
          if (code !== wanted) {
            if (code >= 500) return yield* Effect.die(new Error(`${command.slice(0, 20)}: ${raw}`))
            attempts[next]?.push("refused")
            return
          }
          if (!last) continue
          attempts[next]?.push("accepted")
          onAccepted?.(messageId)
          next++
        }
      }
      yield* wire.ask("QUIT")
    })
    const before = next
    const exit = yield* session.pipe(Effect.scoped, Effect.timeoutOption(ATTEMPT), Effect.exit)
    if (Exit.isSuccess(exit) && exit.value._tag === "Some") continue
    if (before === next || next < messageIds.length) {
      attempts[next]?.push((yield* Ref.get(phase)) === "data" ? "unknown" : "refused")
    }
    yield* Effect.sleep(PAUSE)
  }
  return messageIds.map((messageId, index): Delivery => ({ messageId, attempts: attempts[index] ?? [] }))
})

const ATTEMPT = Duration.seconds(20)
const PAUSE = Duration.millis(25)

const transaction = (messageId: string): ReadonlyArray<readonly [string, number]> => [
  ["MAIL FROM:<demo@example.com>", 250],
  ["RCPT TO:<to@example.com>", 250],
  ["DATA", 354],
  [`From: demo@example.com\r\nSubject: ${messageId}\r\nMessage-ID: <${messageId}@example.com>\r\n\r\nhello\r\n.`, 250]
]

/** How often each id was captured. */
export const copiesOf = (captured: ReadonlyArray<{ readonly subject: string }>): ReadonlyMap<string, number> => {
  const copies = new Map<string, number>()
  for (const { subject } of captured) copies.set(subject, (copies.get(subject) ?? 0) + 1)
  return copies
}
