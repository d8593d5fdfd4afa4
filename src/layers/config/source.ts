/** Where settings come from: the environment, then `.env`, then what a command presets; and NAME_FILE for each NAME. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ConfigProvider, Effect, FileSystem, Layer } from "effect"
import { ConfigProblems, shown } from "./ConfigProblems.ts"

/**
 * The text of a setting, trimmed; `undefined` when it is unset or empty. NAME_FILE names a file whose content is
 * the text, so that secrets can be mounted. Fails when both are set or the file is of no use.
 */
export const readSetting = Effect.fnUntraced(function* (name: string) {
  const provider = yield* ConfigProvider.ConfigProvider
  const fileName = `${name}${FILE_SUFFIX}`
  const text = yield* load(provider, name)
  const path = yield* load(provider, fileName)
  if (path === undefined) return text
  if (text !== undefined) {
    return yield* problem(name, `set twice, as ${name} and as ${fileName}`, "one of the two")
  }
  const fileSystem = yield* FileSystem.FileSystem
  const content = yield* fileSystem
    .readFileString(path)
    .pipe(
      Effect.catch((error) =>
        problem(fileName, shown(path, false), `the path of a file that can be read (${error.reason._tag})`)
      )
    )
  if (content.trim() === "") return yield* problem(fileName, shown(path, false), "the path of a file that is not empty")
  return content.trim()
})

/**
 * The environment of the process, then a `.env` file if there is one, then `presets`. A NAME hides the NAME_FILE of
 * the lesser sources and the other way round.
 */
export const environment = (
  options: { readonly dotEnvPath?: string; readonly presets?: Readonly<Record<string, string>> } = {}
): Layer.Layer<never, ConfigProblems> =>
  ConfigProvider.layer(
    Effect.gen(function* () {
      const process = ConfigProvider.fromEnv()
      const dotEnv = yield* readDotEnv(options.dotEnvPath ?? ".env")
      return firstOf([process, dotEnv, ConfigProvider.fromEnvRecord(options.presets ?? {})])
    })
  ).pipe(Layer.provide(NodeFileSystem.layer))

const FILE_SUFFIX = "_FILE"

const load = (
  provider: ConfigProvider.ConfigProvider,
  name: string
): Effect.Effect<string | undefined, ConfigProblems> =>
  provider.load([name]).pipe(
    Effect.map((node) => {
      const text = node?.value?.trim()
      return text === "" ? undefined : text
    }),
    Effect.catch((error) => problem(name, "not readable", `it in a source that can be read (${error.message})`))
  )

const problem = (name: string, given: string, expected: string): Effect.Effect<never, ConfigProblems> =>
  Effect.fail(new ConfigProblems({ problems: [{ name, given, expected }] }))

const readDotEnv = (path: string) =>
  ConfigProvider.fromDotEnv({ path }).pipe(
    Effect.catch((error) =>
      error.reason._tag === "NotFound"
        ? Effect.succeed(ConfigProvider.fromEnvRecord({}))
        : problem(path, "not readable", `read permission or remove the file (${error.reason._tag})`)
    )
  )

const firstOf = (sources: ReadonlyArray<ConfigProvider.ConfigProvider>): ConfigProvider.ConfigProvider =>
  ConfigProvider.make(
    Effect.fnUntraced(function* (path) {
      const last = path.at(-1)
      const counterpart = typeof last === "string" ? [...path.slice(0, -1), counterpartOf(last)] : undefined
      for (const source of sources) {
        const node = yield* source.load(path)
        if (node?.value !== undefined) return node
        if (counterpart !== undefined && (yield* source.load(counterpart))?.value !== undefined) return undefined
      }
      return undefined
    })
  )

const counterpartOf = (name: string): string =>
  name.endsWith(FILE_SUFFIX) ? name.slice(0, -FILE_SUFFIX.length) : `${name}${FILE_SUFFIX}`
