import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { FORMER_SERVICES } from "../../../src/domain/migration/readMigration.ts"

describe("docs/migration.md", () => {
  const page = readFileSync("docs/migration.md", "utf8")
  const [, table = ""] = /^## What becomes of the headers\?\n(.*?)^## /ms.exec(page) ?? []

  it("has the headers of each service under its name, as they are read, and no other", () => {
    const documented = table
      .split(/^### /m)
      .slice(1)
      .map((section) => ({
        service: section.split("\n")[0],
        rows: [...section.matchAll(/^\| `.*\|$/gm)].map(([row]) => row)
      }))
    const wanted = FORMER_SERVICES.map(({ headers, name }) => ({
      service: name,
      rows: headers.flatMap((rule) =>
        "keys" in rule
          ? rule.keys.map((key) => `| \`${rule.name}\` \`${key.name}\` | ${key.becomes} | ${key.lost} |`)
          : [`| \`${rule.name}\` | ${rule.becomes} | ${rule.lost} |`]
      )
    }))
    assert.deepStrictEqual(documented, wanted)
  })
})
