import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem } from "effect"
import { environment, readSetting } from "../../../src/layers/config/source.ts"

const withDotEnv = (content: string, presets: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const directory = yield* fileSystem.makeTempDirectoryScoped()
    const dotEnvPath = `${directory}/.env`
    yield* fileSystem.writeFileString(`${directory}/value`, "from a file\n")
    yield* fileSystem.writeFileString(dotEnvPath, content.replaceAll("DIRECTORY", directory))
    return environment({ dotEnvPath, presets })
  })

/** The environment of the test's process is what it is: PATH is always there, these names never. */
describe("environment", () => {
  it.effect("reads .env, the environment wins, presets come last", () =>
    Effect.gen(function* () {
      const layer = yield* withDotEnv("PATH=/nowhere\nexport GATEWAY_TEST_ONE='one' # comment\n", {
        GATEWAY_TEST_ONE: "preset",
        GATEWAY_TEST_TWO: "two"
      })
      const found = yield* Effect.forEach(
        ["PATH", "GATEWAY_TEST_ONE", "GATEWAY_TEST_TWO", "GATEWAY_TEST_NONE"],
        readSetting
      ).pipe(Effect.provide(layer))
      assert.notStrictEqual(found[0], "/nowhere")
      assert.isDefined(found[0])
      assert.deepStrictEqual(found.slice(1), ["one", "two", undefined])
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.effect("a NAME_FILE of one source hides the NAME of a lesser one, and the other way round", () =>
    Effect.gen(function* () {
      const layer = yield* withDotEnv("GATEWAY_TEST_ONE_FILE=DIRECTORY/value\nGATEWAY_TEST_TWO=two\n", {
        GATEWAY_TEST_ONE: "preset",
        GATEWAY_TEST_TWO_FILE: "/nowhere"
      })
      const found = yield* Effect.forEach(["GATEWAY_TEST_ONE", "GATEWAY_TEST_TWO"], readSetting).pipe(
        Effect.provide(layer)
      )
      assert.deepStrictEqual(found, ["from a file", "two"])
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.effect("no .env is fine, one that cannot be read is a problem", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const directory = yield* fileSystem.makeTempDirectoryScoped()
      const none = yield* readSetting("GATEWAY_TEST_ONE").pipe(
        Effect.provide(environment({ dotEnvPath: `${directory}/.env` }))
      )
      assert.isUndefined(none)
      const error = yield* readSetting("GATEWAY_TEST_ONE").pipe(
        Effect.provide(environment({ dotEnvPath: directory })),
        Effect.flip
      )
      assert.strictEqual(error._tag, "ConfigProblems")
      assert.include(error.message, `${directory} is not readable`)
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
