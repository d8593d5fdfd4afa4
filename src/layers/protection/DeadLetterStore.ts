/** The directory of dead letters, held within its bounds: count, bytes and age. */
import { Clock, Data, Duration, Effect, FileSystem, type PlatformError, Semaphore } from "effect"
import { Metrics } from "../../services/Metrics.ts"
import { type LetterContents, type LetterFile, letterTime, listLetterFiles, writeLetters } from "./deadLetterFiles.ts"

export interface DeadLetterBounds {
  readonly directory: string
  readonly maxFiles: number
  /** Bytes. */
  readonly maxBytes: number
  readonly maxAge: Duration.Duration
}

/** One message and its recipients are more than the directory may hold. */
export class DeadLetterTooLarge extends Data.TaggedError("DeadLetterTooLarge") {
  override readonly message: string = "larger than the bounds of the directory"
}

export interface DeadLetterStore {
  /** Removes the oldest where there is no room. One write at a time. */
  readonly write: (
    id: string,
    contents: LetterContents
  ) => Effect.Effect<void, PlatformError.PlatformError | DeadLetterTooLarge>
  /** Removes what is too old, and counts again what is there. */
  readonly sweep: Effect.Effect<void, PlatformError.PlatformError>
}

export const makeDeadLetterStore: (
  bounds: DeadLetterBounds
) => Effect.Effect<DeadLetterStore, never, FileSystem.FileSystem | Metrics> = Effect.fnUntraced(function* (bounds) {
  const { directory, maxAge, maxBytes, maxFiles } = bounds
  const fileSystem = yield* FileSystem.FileSystem
  const oneAtATime = Semaphore.makeUnsafe(1)
  // Other processes may use the directory too: what is known of it is only as good as the last look.
  let files = Number.POSITIVE_INFINITY
  let bytes = Number.POSITIVE_INFINITY
  let unsent = 0
  const metrics = yield* Metrics
  metrics.gauge({
    name: "smtp_dead_letters_waiting",
    help: "Recipients in DEAD_LETTER_DIR whose letters were not sent again",
    labels: {},
    across: "max",
    collect: () => unsent
  })
  const removed = metrics.counter({
    name: "smtp_dead_letters_removed_total",
    help: "Recipients whose letters were removed before they were sent again",
    labels: { reason: ["age", "room"] }
  })

  /** False when another process was faster: what is gone was counted there. Of two that rename one file, one fails. */
  const removeFile = (name: string) =>
    fileSystem.rename(`${directory}/${name}`, `${directory}/${name}.removed`).pipe(
      Effect.andThen(fileSystem.remove(`${directory}/${name}.removed`, { force: true })),
      Effect.as(true),
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound",
        () => Effect.succeed(false)
      )
    )

  const remove = Effect.fnUntraced(function* (group: Group, reason: "age" | "room") {
    const removedFiles = yield* Effect.filter(group.files, ({ name }) => removeFile(name))
    files -= group.files.length
    bytes -= group.bytes
    unsent -= unsentOf(group)
    if (removedFiles.length === 0) return
    const lost = unsentOf({ ...group, files: removedFiles })
    removed.increment({ reason }, lost)
    yield* Effect.logWarning("dead_letter_removed", { letter: group.id, reason, unsent_recipients: lost })
  })

  /** Looks at the directory and removes what is too old, and then as much as it takes to have the room. */
  const makeRoom = Effect.fnUntraced(function* (wantedFiles: number, wantedBytes: number) {
    yield* fileSystem.makeDirectory(directory, { recursive: true, mode: 0o700 })
    const groups = yield* readGroups(fileSystem, directory)
    files = 0
    bytes = 0
    unsent = 0
    for (const group of groups) {
      unsent += unsentOf(group)
      files += group.files.length
      bytes += group.bytes
    }
    const oldest = (yield* Clock.currentTimeMillis) - Duration.toMillis(maxAge)
    // What was sent again is of no more use; within each kind the oldest goes first.
    const bySacrifice = [...groups.filter(isSettled), ...groups.filter((group) => !isSettled(group))]
    const room = files + wantedFiles > maxFiles || bytes + wantedBytes > maxBytes ? ROOM_TO_SPARE : 1
    for (const group of bySacrifice) {
      if (letterTime(group.id) < oldest) yield* remove(group, "age")
      else if (files + wantedFiles > maxFiles * room || bytes + wantedBytes > maxBytes * room) {
        yield* remove(group, "room")
      }
    }
  })

  const write = Effect.fnUntraced(function* (id: string, contents: LetterContents) {
    const wantedFiles = 1 + contents.letters.length
    let wantedBytes = contents.raw.byteLength
    for (const letter of contents.letters) wantedBytes += letter.byteLength
    if (wantedFiles > maxFiles || wantedBytes > maxBytes) return yield* new DeadLetterTooLarge()
    if (files + wantedFiles > maxFiles || bytes + wantedBytes > maxBytes) yield* makeRoom(wantedFiles, wantedBytes)
    yield* writeLetters(fileSystem, directory, id, contents)
    files += wantedFiles
    bytes += wantedBytes
    unsent += contents.letters.length
  })

  return {
    write: (id, contents) => oneAtATime.withPermit(write(id, contents)),
    sweep: oneAtATime.withPermit(makeRoom(0, 0))
  }
})

/** Once full, so much more is removed that not every letter has to look at the whole directory. */
const ROOM_TO_SPARE = 0.9

/** All files of one message. */
interface Group {
  readonly id: string
  readonly files: Array<LetterFile>
  bytes: number
}

/** Recipients. */
const unsentOf = ({ files }: Group): number =>
  files.filter(({ state }) => state === "json" || state === "sending").length

const isSettled = (group: Group): boolean => group.files.some(({ state }) => state === "sent") && unsentOf(group) === 0

const readGroups = Effect.fnUntraced(function* (fileSystem: FileSystem.FileSystem, directory: string) {
  const groups = new Map<string, Group>()
  for (const file of yield* listLetterFiles(fileSystem, directory)) {
    const group = groups.get(file.id) ?? { id: file.id, files: [], bytes: 0 }
    // A replay may just have given it another name.
    const size = yield* fileSystem.stat(`${directory}/${file.name}`).pipe(
      Effect.map((info) => Number(info.size)),
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound",
        () => Effect.succeed(0)
      )
    )
    group.files.push(file)
    group.bytes += size
    groups.set(file.id, group)
  }
  return [...groups.values()]
})
