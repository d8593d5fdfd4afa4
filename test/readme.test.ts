import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { reply } from "./kit/SessionKit.ts"
import { sendOneMail } from "./readmeExample.ts"

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8")

describe("the example in README.md", () => {
  it("is test/readmeExample.ts, word for word", () => {
    const [, block] = /<!-- example: test\/readmeExample\.ts -->\n```ts\n(.*?)```\n/s.exec(read("README.md")) ?? []
    assert.strictEqual(block, read("test/readmeExample.ts"))
  })

  it.effect("does what the README says that it does", () =>
    Effect.gen(function* () {
      const answer = reply(yield* sendOneMail)
      assert.strictEqual(answer, "250 2.0.0 Message accepted for delivery: Hello-for-you@example.com ref=session1-1")
      assert.include(read("README.md"), answer)
    })
  )
})
