/** The benches as commands: what is asked for wrongly is said before anything is started. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"

const run = (...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [...args], { encoding: "utf8", timeout: 60_000 })
  return { status, told: stdout + stderr }
}

/** Each is a process that loads a bench. */
const PATIENCE = { timeout: 60_000 }

describe("a bench", PATIENCE, () => {
  for (const program of ["run", "workers", "memory", "load/generate"]) {
    it(`tells of itself: ${program}`, () => {
      const { status, told } = run(`bench/${program}.ts`, "--help")
      assert.strictEqual(status, 0, told)
      assert.match(told, /bench/)
    })
  }

  for (const [program, ...args] of [
    ["run", "persistent", "--repeats", "0"],
    ["run", "persistent", "--seconds", "-1"],
    ["run", "persistent", "--server-core", "100000"],
    ["run", "persistent", "--json", "there/is/no/such/directory.json"],
    ["run", "no-such-scenario"],
    ["workers", "many"],
    ["memory", "--tiny"],
    ["load/generate", '{"port": 9, "conections": 1}']
  ] as const) {
    it(`does not begin: ${program} ${args.join(" ")}`, () => {
      const { status, told } = run(`bench/${program}.ts`, ...args)
      assert.strictEqual(status, 1, told)
      assert.match(told, /Invalid value|Unrecognized flag|no such scenario|excess property/)
      assert.notMatch(told, /mails\/s/)
      assert.notMatch(told, /file:/, "a stack")
    })
  }
})
