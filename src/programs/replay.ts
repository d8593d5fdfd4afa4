/**
 * The command `replay`: sends dead letters again. A letter is marked before it is handed to the API and after it was
 * accepted, so that a replay that is cut sends nothing twice: what was marked and not accepted is left alone, because
 * nobody knows its outcome, until the operator says otherwise.
 */
import { Console, Data, Effect, FileSystem, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { shownUserName } from "../domain/Identity.ts"
import { readGatewaySettings } from "../layers/config/GatewayConfigLive.ts"
import { readSetting } from "../layers/config/source.ts"
import { listLetterFiles } from "../layers/protection/deadLetterFiles.ts"
import type { CakemailClient } from "../services/CakemailClient.ts"
import { GatewayConfig } from "../services/GatewayConfig.ts"
import type { MailParser } from "../services/MailParser.ts"
import { printable } from "./printable.ts"
import { type LetterResult, replayLetter, replyLine, type UnsentLetter } from "./replayLetter.ts"
import { openReplaySession } from "./replaySession.ts"

export interface ReplayOptions {
  readonly directory: string
  /**
   * Only letters of this user are sent, with the password from REPLAY_PASSWORD. With a personal access token those that
   * were sent with the same token, whatever the user; or, when it was replaced, those whose `token-...` is given here.
   */
  readonly user: string
  /** Only this letter: the name of its file, or the id that all letters of one message begin with. */
  readonly file: string | undefined
  /** Also what an earlier replay began to send: its recipient may get it twice. */
  readonly retryUnknown: boolean
}

/** Letters failed, or none could be tried; everything about it has been printed. */
export class ReplayFailed extends Data.TaggedError("ReplayFailed")<{ readonly failed: number }> {}

/**
 * Prints a line a letter and a summary. Two replays of one directory may run at a time, but not while one of them has
 * `retryUnknown`: it takes what the other is sending for what was left behind.
 */
export const replay = Effect.fn("replay")(function* (options: ReplayOptions) {
  const letters = yield* unsentLetters(options)
  const password = yield* readSetting("REPLAY_PASSWORD").pipe(Effect.catch((error) => refuse(error.message)))
  if (password === undefined) return yield* refuse("no password: give REPLAY_PASSWORD in the environment or .env")
  const session = yield* openReplaySession(options.user, password).pipe(
    Effect.catch((error) => refuse(`${shownUserName(options.user)} cannot log in: ${replyLine(error)}`))
  )
  const counts: Record<LetterResult["outcome"], number> = { sent: 0, failed: 0, unknown: 0, skipped: 0 }
  for (const letter of letters) {
    const { outcome, text } = yield* replayLetter(options, session, letter)
    counts[outcome]++
    yield* Console.log(printable(`${outcome.padEnd(OUTCOME_WIDTH)}${letter.id}.${letter.number}  ${text}`))
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
      file: Flag.String("file").pipe(Flag.withDescription("Only this letter, by the name of its file"), Flag.optional),
      retryUnknown: Flag.Boolean("retry-unknown").pipe(
        Flag.withDescription("Also send letters of unknown outcome, which may arrive twice"),
        Flag.withDefault(false)
      )
    },
    Effect.fnUntraced(function* ({ directory, file, retryUnknown, user }) {
      const settings = yield* readGatewaySettings
      const from = Option.getOrElse(directory, () => settings.deadLetters.directory)
      if (from === undefined) return yield* refuse("no directory: give --directory or set DEAD_LETTER_DIR")
      yield* replay({ directory: from, user, file: Option.getOrUndefined(file), retryUnknown }).pipe(
        Effect.provide(services.pipe(Layer.provide(Layer.succeed(GatewayConfig, settings))))
      )
    })
  ).pipe(Command.withDescription("Send dead letters again; exit with 1 if any of them failed"))

const OUTCOME_WIDTH = 9

const refuse = (problem: string): Effect.Effect<never, ReplayFailed> =>
  Effect.andThen(Console.error(printable(problem)), Effect.fail(new ReplayFailed({ failed: 0 })))

/** Oldest first. */
const unsentLetters = Effect.fnUntraced(function* ({ directory, file }: ReplayOptions) {
  const fileSystem = yield* FileSystem.FileSystem
  const files = yield* listLetterFiles(fileSystem, directory).pipe(
    Effect.catch((error) => refuse(`${directory} cannot be read (${error.reason._tag})`))
  )
  const wanted = file?.replace(/^.*\//, "").replace(/\.(json|sending|sent|eml)$/, "")
  const letters: Array<UnsentLetter> = []
  for (const { id, number, state } of files) {
    if (number === undefined || state === undefined || state === "sent") continue
    if (wanted === undefined || wanted === id || wanted === `${id}.${number}`) letters.push({ id, number, state })
  }
  if (wanted !== undefined && letters.length === 0) return yield* refuse(`there is no unsent letter ${wanted}`)
  return letters
})
