/** What becomes of one dead letter that is sent again. */
import { Effect, FileSystem, Result } from "effect"
import type { GatewayError } from "../domain/GatewayError.ts"
import * as SmtpReply from "../domain/SmtpReply.ts"
import {
  decodeLetter,
  letterFileName,
  type LetterState,
  rawFileName,
  syncDirectory
} from "../layers/protection/deadLetterFiles.ts"
import type { ReplaySession } from "./replaySession.ts"

/** A letter that was not sent yet, as far as is known. */
export interface UnsentLetter {
  /** Of the message. */
  readonly id: string
  /** Of the recipient. */
  readonly number: string
  readonly state: "json" | "sending"
}

export interface LetterResult {
  /** `unknown` and `skipped` letters were left as they are. */
  readonly outcome: "sent" | "failed" | "unknown" | "skipped"
  readonly text: string
}

export interface ReplayLetterOptions {
  readonly directory: string
  readonly user: string
  readonly retryUnknown: boolean
}

/**
 * Everything that can go wrong before the API is asked to send comes before the letter is marked: what is marked has
 * most likely reached the API.
 */
export const replayLetter = Effect.fnUntraced(function* (
  { directory, retryUnknown, user }: ReplayLetterOptions,
  session: ReplaySession,
  { id, number, state }: UnsentLetter
): Effect.fn.Return<LetterResult, never, FileSystem.FileSystem> {
  const fileSystem = yield* FileSystem.FileSystem
  if (state === "sending" && !retryUnknown) {
    return { outcome: "unknown", text: "an earlier replay began to send it: --retry-unknown sends it again" }
  }
  const opened = yield* Effect.result(openLetter(directory, { id, number, state }))
  if (Result.isFailure(opened)) return opened.failure
  const { letter, raw } = opened.success
  const to = letter.recipient
  if (letter.username !== user && letter.username !== session.username) {
    return { outcome: "skipped", text: `belongs to ${letter.username}` }
  }
  if (letter.account_id !== null && session.accountId !== undefined && letter.account_id !== session.accountId) {
    return { outcome: "skipped", text: `belongs to account ${letter.account_id}` }
  }
  const prepared = yield* Effect.result(session.prepare(letter, raw))
  if (Result.isFailure(prepared)) return { outcome: "failed", text: `${to}: ${replyLine(prepared.failure)}` }

  const mark = (from: LetterState, to: LetterState) =>
    fileSystem
      .rename(`${directory}/${letterFileName(id, number, from)}`, `${directory}/${letterFileName(id, number, to)}`)
      .pipe(
        Effect.andThen(syncDirectory(fileSystem, directory)),
        Effect.match({ onSuccess: () => "done", onFailure: (error) => error.reason._tag })
      )
  // Of two replays only one finds the letter under the name that is taken from it here.
  if (state === "sending") yield* mark("sending", "json")
  const taken = yield* mark("json", "sending")
  if (taken === "NotFound") return TAKEN
  if (taken !== "done") return { outcome: "failed", text: `${to}: cannot be marked (${taken})` }

  const submitted = yield* Effect.result(session.submit(prepared.success, to))
  if (Result.isFailure(submitted)) {
    const error = submitted.failure
    if (error._tag === "ApiOutcomeUnknown" || error._tag === "ApiAnswerUnreadable") {
      return { outcome: "failed", text: `${to}: outcome unknown, it may have been sent (${error.cause})` }
    }
    yield* mark("sending", "json")
    return { outcome: "failed", text: `${to}: ${replyLine(error)}` }
  }
  const kept = yield* mark("sending", "sent")
  const { messageId } = submitted.success
  // Not found: it has grown too old meanwhile.
  return kept === "done" || kept === "NotFound"
    ? { outcome: "sent", text: `${to}: ${messageId}` }
    : { outcome: "failed", text: `${to}: sent as ${messageId}, but it cannot be marked (${kept}): remove it` }
})

/** As a client would be told of the error. */
export const replyLine = (error: GatewayError): string => {
  const { code, enhanced, text } = SmtpReply.fromError(error)
  return `${code} ${enhanced} ${text}`
}

const TAKEN: LetterResult = { outcome: "skipped", text: "taken by another replay" }

const failed = (text: string): LetterResult => ({ outcome: "failed", text })

/** The letter and its message, or what becomes of a letter whose files are not in order. */
const openLetter = Effect.fnUntraced(function* (directory: string, { id, number, state }: UnsentLetter) {
  const fileSystem = yield* FileSystem.FileSystem
  const name = letterFileName(id, number, state)
  const rawName = rawFileName(id)
  const text = yield* fileSystem
    .readFileString(`${directory}/${name}`)
    .pipe(
      Effect.mapError(({ reason }) =>
        reason._tag === "NotFound" ? TAKEN : failed(`${name} cannot be read (${reason._tag})`)
      )
    )
  const letter = yield* decodeLetter(text).pipe(Effect.mapError(() => failed(`${name} is no dead letter`)))
  const raw = yield* fileSystem
    .readFile(`${directory}/${rawName}`)
    .pipe(Effect.mapError(({ reason }) => failed(`${rawName} cannot be read (${reason._tag})`)))
  return raw.byteLength === letter.size
    ? { letter, raw }
    : yield* Effect.fail(failed(`${rawName} has ${raw.byteLength} bytes, and had ${letter.size}`))
})
