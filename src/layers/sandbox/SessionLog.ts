/**
 * What a gateway in the same process logs of its sessions, kept for as long as there is room, so that a message can be
 * shown with the log lines of the session that it came by.
 */
import { Logger, References } from "effect"
import type { SessionLine } from "../../services/SandboxStories.ts"
import { addressesShown } from "../telemetry/AddressMask.ts"
import { toLogEvent } from "../telemetry/LogEvent.ts"

/** Sessions that are remembered; the oldest go first. */
const MAX_SESSIONS = 2_000

/** Lines of one session: the first ones tell of the login, of the others the last ones stay. */
const MAX_LINES = 400
const FIRST_LINES = 20

/** Characters of all lines, about. */
const MAX_CHARACTERS = 16_777_216

/** API calls whose session is known; the oldest go first. */
const MAX_REQUESTS = 50_000

export interface SessionLog {
  /** Events without a `correlation_id` belong to no session and are passed over. */
  readonly logger: Logger.Logger<unknown, void>
  /** By the `x-request-id` of an API call: the correlation id of the session that made it. */
  readonly sessionOf: (requestId: string) => string | undefined
  /** The beginning of the session, and what it logged of the message that the call was made for. */
  readonly linesOf: (requestId: string) => ReadonlyArray<SessionLine>
  /** All that is left of a session. */
  readonly session: (correlationId: string) => ReadonlyArray<SessionLine>
}

interface Session {
  lines: Array<SessionLine>
  characters: number
}

/** `onLine` is told of each line, and the correlation id of its session. */
export const makeSessionLog = (onLine: (correlationId: string, line: SessionLine) => void): SessionLog => {
  // A Map keeps the order of insertion: its first entry is the oldest.
  const sessions = new Map<string, Session>()
  const requests = new Map<string, string>()
  let characters = 0

  const add = (correlationId: string, line: SessionLine) => {
    const session = sessions.get(correlationId) ?? { lines: [], characters: 0 }
    sessions.set(correlationId, session)
    session.lines.push(line)
    const length = lengthOf(line)
    session.characters += length
    characters += length
    if (session.lines.length > MAX_LINES) {
      for (const gone of session.lines.splice(FIRST_LINES, 1)) {
        session.characters -= lengthOf(gone)
        characters -= lengthOf(gone)
      }
    }
    for (const [id, oldest] of sessions) {
      if (sessions.size <= MAX_SESSIONS && characters <= MAX_CHARACTERS) break
      sessions.delete(id)
      characters -= oldest.characters
    }
    const requestId = line.fields["request_id"]
    if (typeof requestId === "string") {
      requests.set(requestId, correlationId)
      for (const oldest of requests.keys()) {
        if (requests.size <= MAX_REQUESTS) break
        requests.delete(oldest)
      }
    }
    onLine(correlationId, line)
  }

  const session = (correlationId: string) => [...(sessions.get(correlationId)?.lines ?? [])]

  return {
    logger: Logger.make((options) => {
      const { event, fields } = toLogEvent(
        options,
        options.fiber.getRef(References.CurrentLogAnnotations),
        addressesShown
      )
      const { correlation_id: correlationId, ...others } = fields
      if (typeof correlationId !== "string") return
      add(correlationId, {
        at: options.date.getTime(),
        level: options.logLevel.toLowerCase(),
        event,
        fields: others
      })
    }),
    sessionOf: (requestId) => requests.get(requestId),
    linesOf: (requestId) => {
      const lines = session(requests.get(requestId) ?? "")
      const at = lines.findIndex(({ fields }) => fields["request_id"] === requestId)
      return at < 0 ? lines : aroundMessage(lines, at)
    },
    session
  }
}

/** Events that belong to the session, not to one of its messages. */
const OF_SESSION: ReadonlySet<string> = new Set([
  "connection_opened",
  "tls_established",
  "auth_success",
  "auth_failed",
  "connection_closed"
])

/** The last event of a message. */
const SETTLED = "email_received"

/** Messages of a session come one after the other: what lies between two last events is of one message. */
const aroundMessage = (lines: ReadonlyArray<SessionLine>, at: number): ReadonlyArray<SessionLine> => {
  const from = lines.findLastIndex(({ event }, index) => index < at && event === SETTLED) + 1
  const settled = lines.findIndex(({ event }, index) => index >= at && event === SETTLED)
  const to = settled < 0 ? lines.length : settled + 1
  return lines.filter(({ event }, index) => (index >= from && index < to) || OF_SESSION.has(event))
}

const lengthOf = ({ event, fields }: SessionLine): number => {
  let length = 64 + event.length
  for (const name in fields) length += 16 + name.length + textLength(fields[name])
  return length
}

/** Lists are cut to a hundred short entries before they come here. */
const textLength = (value: unknown): number =>
  typeof value === "string" ? value.length : Array.isArray(value) ? JSON.stringify(value).length : 16
