/**
 * Dead letters as files. One message is `<id>.eml`, the raw data, and one file for each recipient that failed,
 * `<id>.<n>.json`, which changes its ending as the letter is sent again. Names hold nothing of the mail.
 */
import { randomBytes } from "node:crypto"
import { Effect, type FileSystem, type PlatformError, Schema } from "effect"

/** What is known of one recipient's failure, and what it takes to send the message again. */
export const StoredLetter = Schema.Struct({
  reference: Schema.String,
  username: Schema.String,
  account_id: Schema.NullOr(Schema.Int),
  /** Envelope sender, empty for `<>`. */
  sender: Schema.String,
  smtp_utf8: Schema.Boolean,
  recipient: Schema.String,
  /** The Message-ID that the client sent. */
  message_id: Schema.NullOr(Schema.String),
  /** Bytes of the raw message. */
  size: Schema.Int,
  error_type: Schema.String,
  reply: Schema.String,
  reason: Schema.NullOr(Schema.String),
  client_address: Schema.String,
  client_name: Schema.String,
  protocol: Schema.String,
  /** Milliseconds of the epoch. */
  received_at: Schema.Int
})
export type StoredLetter = typeof StoredLetter.Type

/**
 * `json`: not sent again. `sending`: handed to the API, outcome unknown until the ending changes. `sent`: accepted.
 */
export type LetterState = "json" | "sending" | "sent"

/** A file of the directory by its name. */
export interface LetterFile {
  readonly name: string
  /** Of the message. Ids sort by the time at which they were made. */
  readonly id: string
  /** The recipient's number; `undefined` for the raw message and for what a cut write left. */
  readonly number: string | undefined
  readonly state: LetterState | undefined
}

/** Milliseconds of the epoch in, an id out that nobody can guess and no other process makes. */
export const makeLetterId = (now: number): string =>
  `${new Date(now).toISOString().replace(/[-:.]/g, "")}-${randomBytes(8).toString("hex")}`

/** When the id was made, in milliseconds of the epoch. */
export const letterTime = (id: string): number =>
  Date.parse(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-.*$/, "$1-$2-$3T$4:$5:$6.$7Z"))

/** `undefined` for files that are none of ours. */
export const parseLetterFile = (name: string): LetterFile | undefined => {
  const [, id, number, state] = /^(\d{8}T\d{9}Z-[0-9a-f]{16})\.(?:(\d+)\.(json|sending|sent)|[\w.]+)$/.exec(name) ?? []
  if (id === undefined) return undefined
  return { name, id, number, state: isLetterState(state) ? state : undefined }
}

const isLetterState = (state: string | undefined): state is LetterState =>
  state === "json" || state === "sending" || state === "sent"

export const rawFileName = (id: string): string => `${id}.eml`

export const letterFileName = (id: string, number: string, state: LetterState): string => `${id}.${number}.${state}`

/** The letter files of the directory by their ids, oldest first. */
export const listLetterFiles = (
  fileSystem: FileSystem.FileSystem,
  directory: string
): Effect.Effect<ReadonlyArray<LetterFile>, PlatformError.PlatformError> =>
  Effect.map(fileSystem.readDirectory(directory), (names) => {
    const files: Array<LetterFile> = []
    for (const name of names.toSorted()) {
      const file = parseLetterFile(name)
      if (file !== undefined) files.push(file)
    }
    return files
  })

/** The bytes of all files of one message. */
export interface LetterContents {
  readonly raw: Uint8Array
  readonly letters: ReadonlyArray<Uint8Array>
}

export const encodeLetter = (letter: StoredLetter): Uint8Array =>
  Buffer.from(`${JSON.stringify(letter, undefined, 2)}\n`, "utf8")

export const decodeLetter = Schema.decodeUnknownEffect(Schema.fromJsonString(StoredLetter))

/**
 * Every file is whole or absent, and on disk when this returns. The raw message comes first: a letter is never without.
 * What was written before a failure is removed.
 */
export const writeLetters = Effect.fnUntraced(function* (
  fileSystem: FileSystem.FileSystem,
  directory: string,
  id: string,
  contents: LetterContents
) {
  const names = [rawFileName(id), ...contents.letters.map((_, index) => letterFileName(id, `${index + 1}`, "json"))]
  yield* Effect.gen(function* () {
    for (const [index, content] of [contents.raw, ...contents.letters].entries()) {
      yield* writeWhole(fileSystem, `${directory}/${names[index]}`, content)
    }
    yield* syncDirectory(fileSystem, directory)
  }).pipe(
    Effect.onError(() =>
      Effect.forEach(names, (name) => Effect.ignore(fileSystem.remove(`${directory}/${name}`, { force: true })), {
        discard: true
      })
    )
  )
})

/** Makes names durable, which `rename` alone does not where the power fails. Some systems cannot, and need not. */
export const syncDirectory = (fileSystem: FileSystem.FileSystem, directory: string): Effect.Effect<void> =>
  Effect.ignore(Effect.scoped(Effect.flatMap(fileSystem.open(directory, { flag: "r" }), (opened) => opened.sync)))

const writeWhole = (fileSystem: FileSystem.FileSystem, path: string, content: Uint8Array) => {
  const temporary = `${path}.tmp`
  return Effect.scoped(
    Effect.gen(function* () {
      const file = yield* fileSystem.open(temporary, { flag: "wx", mode: 0o600 })
      yield* file.writeAll(content)
      yield* file.sync
    })
  ).pipe(
    Effect.andThen(fileSystem.rename(temporary, path)),
    Effect.onError(() => Effect.ignore(fileSystem.remove(temporary, { force: true })))
  )
}
