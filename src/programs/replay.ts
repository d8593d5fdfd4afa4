/**
 * The command `replay`: sends dead letters again. A letter is marked before it is handed to the API and after it was
 * accepted, so that a replay that is cut sends nothing twice: what was marked and not accepted is left alone, because
 * nobody knows its outcome, until the operator says otherwise.
 */
import { Console, Data, Effect, FileSystem, Layer, Option, Redacted, Result } from "effect"
import { Command, Flag } from "effect/cli"
import type { GatewayError, SubmissionError, SubmitError } from "../domain/GatewayError.ts"
import type { Credentials, Identity } from "../domain/Identity.ts"
import * as SmtpReply from "../domain/SmtpReply.ts"
import { readGatewaySettings } from "../layers/config/GatewayConfigLive.ts"
import { readSetting } from "../layers/config/source.ts"
import {
  decodeLetter,
  letterFileName,
  type LetterFile,
  type LetterState,
  listLetterFiles,
  rawFileName,
  type StoredLetter,
  syncDirectory
} from "../layers/protection/deadLetterFiles.ts"
import { CakemailClient, type PreparedMessage } from "../services/CakemailClient.ts"
import { GatewayConfig } from "../services/GatewayConfig.ts"
import { MailParser } from "../services/MailParser.ts"

export interface ReplayOptions {
  readonly directory: string
  /** Only letters of this user are sent, with the password from REPLAY_PASSWORD. */
  readonly user: string
  /** Only this letter: the name of its file, or the id that all letters of a message begin with. */
  readonly file: string | undefined
  /** Also what an earlier replay began to send. It may have been accepted: some recipients may get it twice. */
  readonly retryUnknown: boolean
}

/** Some letters were not sent, or none could be; everything about it has been printed. */
export class ReplayFailed extends Data.TaggedError("ReplayFailed")<{ readonly failed: number }> {}

/** Prints a line a letter and a summary. Two replays of one directory may run at a time, but not both with `retryUnknown`. */
export const replay = Effect.fn("replay")(function* (options: ReplayOptions) {
  const files = yield* selectFiles(options)
  const password = yield* readSetting("REPLAY_PASSWORD").pipe(
    Effect.catch((error) => refuse(error.message)),
    Effect.filterOrElse(
      (text) => text !== undefined,
      () => refuse("no password: give REPLAY_PASSWORD in the environment or .env")
    )
  )
  const session = yield* logIn({ username: options.user, password: Redacted.make(password ?? "") })

  const counts: Record<LetterResult["outcome"], number> = { sent: 0, failed: 0, unknown: 0, skipped: 0 }
  for (const file of files) {
    const result = yield* replayLetter(options, session, file)
    counts[result.outcome]++
    yield* Console.log(`${result.outcome.padEnd(8)} ${letterName(file)} ${SmtpReply.replyText(result.text)}`)
  }
  yield* Console.log(
    `${counts.sent} sent, ${counts.failed} failed, ${counts.unknown} of unknown outcome, ${counts.skipped} skipped`
  )
  if (counts.failed > 0) return yield* new ReplayFailed({ failed: counts.failed })
})

/** For the command line; `services` are those that the gateway itself runs on. */
export const replayCommand = <E>(services: Layer.Layer<CakemailClient | MailParser, E, GatewayConfig>) =>
  Command.make(
    "replay",
    {
      user: Flag.String("user").pipe(
        Flag.withDescription("User name whose letters are sent; the password comes from REPLAY_PASSWORD")
      ),
      directory: Flag.String("directory").pipe(
        Flag.withDescription("Where the letters are; DEAD_LETTER_DIR when absent"),
        Flag.optional
      ),
      file: Flag.String("file").pipe(Flag.withDescription("Only this letter"), Flag.optional),
      retryUnknown: Flag.Boolean("retry-unknown").pipe(
        Flag.withDescription("Also send letters of unknown outcome, which may arrive twice"),
        Flag.withDefault(false)
      )
    },
    Effect.fnUntraced(function* ({ directory, file, retryUnknown, user }) {
      const settings = yield* readGatewaySettings
      const from = Option.getOrUndefined(directory) ?? settings.deadLetters.directory
      if (from === undefined) return yield* refuse("no directory: give --directory or set DEAD_LETTER_DIR")
      yield* replay({ directory: from, user, file: Option.getOrUndefined(file), retryUnknown }).pipe(
        Effect.provide(services.pipe(Layer.provide(Layer.succeed(GatewayConfig, settings))))
      )
    })
  ).pipe(Command.withDescription("Send dead letters again; exit with 1 if any of them failed"))

/** `unknown` and `skipped` letters were left as they are. */
interface LetterResult {
  readonly outcome: "sent" | "failed" | "unknown" | "skipped"
  readonly text: string
}

/** Who the letters are sent as; the token is renewed when the API refuses it. */
interface ReplaySession {
  readonly withToken: <A, E extends { readonly _tag: string }>(
    call: (identity: Identity) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | GatewayError>
  readonly accountId: number | undefined
}

const refuse = (problem: string): Effect.Effect<never, ReplayFailed> =>
  Effect.andThen(Console.error(SmtpReply.replyText(problem)), Effect.fail(new ReplayFailed({ failed: 0 })))

const letterName = ({ id, number }: LetterFile): string => `${id}.${number}`

const selectFiles = Effect.fnUntraced(function* ({ directory, file }: ReplayOptions) {
  const fileSystem = yield* FileSystem.FileSystem
  const files = yield* listLetterFiles(fileSystem, directory).pipe(
    Effect.catch((error) => refuse(`${directory} cannot be read: ${error.reason._tag}`))
  )
  const wanted = file?.replace(/^.*\//, "").replace(/\.(json|sending|sent|eml)$/, "")
  const letters = files.filter(
    (each) =>
      each.number !== undefined &&
      each.state !== "sent" &&
      (wanted === undefined || each.id === wanted || letterName(each) === wanted)
  )
  if (wanted !== undefined && letters.length === 0) return yield* refuse(`there is no letter ${wanted} to send`)
  return letters
})

const logIn = Effect.fnUntraced(function* (credentials: Credentials) {
  const client = yield* CakemailClient
  const login = client.login(credentials)
  let identity = yield* login.pipe(Effect.catch((error) => refuse(`${credentials.username}: ${replyLine(error)}`)))
  const session: ReplaySession = {
    accountId: identity.accountId,
    withToken: (call) =>
      Effect.suspend(() => call(identity)).pipe(
        Effect.catchIf(
          (error) => error._tag === "TokenRejected",
          () =>
            Effect.flatMap(login, (renewed) => {
              identity = renewed
              return call(renewed)
            })
        )
      )
  }
  return session
})

const replyLine = (error: GatewayError): string => {
  const { code, enhanced, text } = SmtpReply.fromError(error)
  return `${code} ${enhanced} ${text}`
}

const replayLetter = Effect.fnUntraced(function* (
  options: ReplayOptions,
  session: ReplaySession,
  file: LetterFile
): Effect.fn.Return<LetterResult, never, CakemailClient | MailParser | FileSystem.FileSystem> {
  const fileSystem = yield* FileSystem.FileSystem
  if (file.state === "sending" && !options.retryUnknown) {
    return { outcome: "unknown", text: "an earlier replay began to send it: --retry-unknown sends it again" }
  }
  const opened = yield* Effect.result(openLetter(options.directory, file))
  if (Result.isFailure(opened)) return { outcome: "failed", text: opened.failure }
  const { letter, raw } = opened.success
  if (letter.username !== options.user) return { outcome: "skipped", text: `belongs to ${letter.username}` }
  if (letter.account_id !== null && session.accountId !== undefined && letter.account_id !== session.accountId) {
    return { outcome: "skipped", text: `belongs to account ${letter.account_id}` }
  }
  const prepared = yield* Effect.result(prepare(session, letter, raw))
  if (Result.isFailure(prepared))
    return { outcome: "failed", text: `${letter.recipient}: ${replyLine(prepared.failure)}` }

  const rename = (from: LetterState, to: LetterState) =>
    fileSystem
      .rename(
        `${options.directory}/${letterFileName(file.id, file.number ?? "", from)}`,
        `${options.directory}/${letterFileName(file.id, file.number ?? "", to)}`
      )
      .pipe(Effect.andThen(syncDirectory(fileSystem, options.directory)), Effect.result)

  // Only one of two replays can take the letter away under this name.
  if (file.state === "sending") yield* rename("sending", "json")
  const marked = yield* rename("json", "sending")
  if (Result.isFailure(marked)) {
    return marked.failure.reason._tag === "NotFound"
      ? { outcome: "skipped", text: "taken by another replay" }
      : { outcome: "failed", text: `cannot be marked: ${marked.failure.reason._tag}` }
  }
  const submitted = yield* Effect.result(submit(session, prepared.success, letter.recipient))
  if (Result.isSuccess(submitted)) {
    const kept = yield* rename("sending", "sent")
    const id = submitted.success.messageId
    return Result.isSuccess(kept)
      ? { outcome: "sent", text: `${letter.recipient}: ${id}` }
      : { outcome: "failed", text: `${letter.recipient}: ${id} was sent, but cannot be marked: remove it` }
  }
  const error = submitted.failure
  if (error._tag === "ApiOutcomeUnknown" || error._tag === "ApiAnswerUnreadable") {
    return { outcome: "failed", text: `${letter.recipient}: may have been sent, outcome unknown: ${error.cause}` }
  }
  yield* rename("sending", "json")
  return { outcome: "failed", text: `${letter.recipient}: ${replyLine(error)}` }
})

/** The letter and its message, or what is wrong with its files. */
const openLetter = Effect.fnUntraced(function* (directory: string, { id, name }: LetterFile) {
  const fileSystem = yield* FileSystem.FileSystem
  const unreadable = (path: string) => () => `${path} cannot be read`
  const text = yield* fileSystem.readFileString(`${directory}/${name}`).pipe(Effect.mapError(unreadable(name)))
  const letter = yield* decodeLetter(text).pipe(Effect.mapError(() => `${name} is no dead letter`))
  const raw = yield* fileSystem
    .readFile(`${directory}/${rawFileName(id)}`)
    .pipe(Effect.mapError(unreadable(rawFileName(id))))
  if (raw.byteLength !== letter.size) return yield* Effect.fail(`${rawFileName(id)} is not of the size it was`)
  return { letter, raw }
})

const prepare = (
  session: ReplaySession,
  letter: StoredLetter,
  raw: Uint8Array
): Effect.Effect<PreparedMessage, GatewayError, CakemailClient | MailParser> =>
  Effect.gen(function* () {
    const client = yield* CakemailClient
    const email = yield* (yield* MailParser).parse(raw)
    const envelope = { sender: letter.sender, recipients: [letter.recipient], smtpUtf8: letter.smtp_utf8 }
    const transit = {
      clientAddress: letter.client_address,
      clientName: letter.client_name,
      protocol: letter.protocol,
      receivedAt: letter.received_at
    }
    return yield* session.withToken((identity) => client.prepare(identity, { email, envelope, transit }))
  })

/** One call; a second one only where the API said for certain that it took nothing. */
const submit = (
  session: ReplaySession,
  prepared: PreparedMessage,
  recipient: string
): Effect.Effect<{ readonly messageId: string }, GatewayError, CakemailClient> =>
  Effect.flatMap(CakemailClient, (client) => {
    const call = session.withToken((identity) => client.submit(identity, prepared, recipient))
    return Effect.catchIf(
      call,
      (error) => error._tag === "ApiRateLimited",
      (error) => Effect.andThen(Effect.sleep(Math.min(error.retryAfter, MAX_PAUSE) * 1_000), call)
    )
  })

/** Seconds; an API that wants a longer pause gets the rest of the letters in another replay. */
const MAX_PAUSE = 60
