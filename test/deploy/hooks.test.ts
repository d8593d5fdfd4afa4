/** What happens before a commit, in a repository of its own. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { runProgram } from "../kit/ClientProgram.ts"

const CONFIGURATION = ["package.json", ".oxfmtrc.json", ".oxlintrc.json", "tsconfig.json", "lint-staged.config.mjs"]

/** A repository with this one's tools and none of its sources, and its hooks installed as `npm ci` does. */
const repository = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "hooks-test-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true }))
  )
  for (const file of CONFIGURATION) cpSync(file, join(folder, file))
  // Types of the repository alone; the page of the sandbox has a configuration that is not here.
  const packageJson = JSON.parse(readFileSync("package.json", "utf8"))
  packageJson.scripts["lint:types"] = "tsc -p . --noEmit"
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(packageJson, undefined, 2)}\n`)
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"))
  writeFileSync(join(folder, ".gitignore"), "node_modules\n")
  const run = (command: string, ...args: ReadonlyArray<string>) =>
    runProgram(command, args, {
      directory: folder,
      environment: {
        GIT_AUTHOR_NAME: "a",
        GIT_AUTHOR_EMAIL: "a@example.com",
        GIT_COMMITTER_NAME: "a",
        GIT_COMMITTER_EMAIL: "a@example.com",
        GIT_CONFIG_GLOBAL: "/dev/null"
      }
    })
  yield* run("git", "init", "--quiet")
  yield* run(process.execPath, resolve("node_modules/simple-git-hooks/postinstall.js"))
  assert.isTrue(existsSync(join(folder, ".git/hooks/pre-commit")))
  /** Exit code of the commit. */
  const commit = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
    yield* run("git", "add", "--all")
    return yield* run("git", "commit", "--quiet", "--message", "x")
  })
  yield* run("git", "add", "--all")
  const first = yield* run("git", "commit", "--quiet", "--no-verify", "--message", "first")
  assert.strictEqual(first.code, 0, first.stderr)
  return { commit, show: (path: string) => Effect.map(run("git", "show", `HEAD:${path}`), ({ stdout }) => stdout) }
})

describe("before a commit", () => {
  it.live(
    "what is staged is formatted, and what the linter or the compiler refuses is not committed",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { commit, show } = yield* repository
          const formatted = yield* commit({ "src/a.ts": "export const a  =  1;\n" })
          assert.strictEqual(formatted.code, 0, formatted.stderr + formatted.stdout)
          assert.strictEqual(yield* show("src/a.ts"), "export const a = 1\n")

          const linted = yield* commit({ "src/b.ts": "export const b = (x: any) => x\n" })
          assert.notStrictEqual(linted.code, 0)
          assert.include(linted.stdout + linted.stderr, "no-explicit-any")
          assert.strictEqual(yield* show("src/b.ts"), "")

          const typed = yield* commit({ "src/b.ts": 'export const b: number = "b"\n' })
          assert.notStrictEqual(typed.code, 0)
          assert.include(typed.stdout + typed.stderr, "TS2322")

          const mended = yield* commit({ "src/b.ts": "export const b = 2\n" })
          assert.strictEqual(mended.code, 0, mended.stderr + mended.stdout)
        })
      ),
    120_000
  )

  it.live("nothing is installed, and nothing fails, where there is no repository", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "hooks-test-"))
      cpSync("package.json", join(folder, "package.json"))
      const installed = yield* runProgram(process.execPath, [resolve("node_modules/simple-git-hooks/postinstall.js")], {
        directory: folder
      })
      assert.strictEqual(installed.code, 0)
      rmSync(folder, { recursive: true })
    })
  )
})
