import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem } from "effect"
import { readFileSync } from "node:fs"
import type { Setting } from "../../../src/layers/config/Setting.ts"
import { allSettings, settings } from "../../../src/layers/config/settings.ts"
import { settingsText } from "../../../src/layers/config/settingsText.ts"
import {
  configSchema,
  plainSettings,
  quantitySchemas,
  SCHEMA_PATH,
  secretSettings
} from "../../deploy/writeChartSettings.ts"

const row = (setting: Setting<unknown>): string => {
  const name = `\`${setting.name}\`${setting.secret ? " (secret)" : ""}`
  return `| ${name} | ${setting.meaning} | ${setting.unit || "–"} | ${setting.range} | ${setting.defaultText} |`
}

const documented = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const text = yield* fileSystem.readFileString("docs/configuration.md")
  let group = ""
  const rows: Array<{ readonly group: string; readonly row: string }> = []
  for (const line of text.split("\n")) {
    if (line.startsWith("## ")) group = line.slice(3)
    if (line.startsWith("| `")) rows.push({ group, row: line })
  }
  return rows
}).pipe(Effect.provide(NodeFileSystem.layer))

describe("docs/configuration.md", () => {
  it.effect("has each setting once, as the table says it, under its group, and no other", () =>
    Effect.gen(function* () {
      const wanted = allSettings.map((setting) => ({ group: setting.group, row: row(setting) }))
      assert.deepStrictEqual(yield* documented, wanted)
    })
  )
})

describe("deploy/helm", () => {
  it("lets each setting be given to the chart, and no other: npm run chart:settings", () => {
    const { definitions, properties } = JSON.parse(readFileSync(SCHEMA_PATH, "utf8"))
    assert.deepStrictEqual(properties.config, configSchema)
    assert.containSubset(definitions, quantitySchemas)
    assert.deepStrictEqual(
      properties.secret.properties.values.propertyNames.enum,
      secretSettings.map(({ name }) => name)
    )
    assert.isAbove(plainSettings.length, 30)
  })
})

describe("settings", () => {
  it("names are unique and look like environment variables, and none ends like a file variable", () => {
    const names = allSettings.map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
    for (const name of names) assert.match(name, /^[A-Z][A-Z0-9_]*(?<!_FILE)$/)
    assert.isAbove(names.length, 40)
  })

  it("settings of a group stand together", () => {
    const groups = allSettings.map(({ group }) => group)
    const starts = groups.filter((group, index) => group !== groups[index - 1])
    assert.strictEqual(new Set(starts).size, starts.length)
  })

  it("no words of a setting would break a table", () => {
    for (const setting of allSettings) assert.notMatch(row(setting).slice(1, -1), /\|.*\|.*\|.*\|.*\||\n/, setting.name)
  })

  it("secrets are known as such", () => {
    const secrets = allSettings.filter(({ secret }) => secret)
    assert.deepStrictEqual(
      secrets.map(({ name }) => name),
      [
        settings.logAddressesKey,
        settings.otlpHeaders,
        settings.otlpTracesHeaders,
        settings.redisUrl,
        settings.httpsProxy
      ].map(({ name }) => name)
    )
  })
})

describe("settingsText", () => {
  it("tells of every setting within the width", () => {
    for (const width of [80, 100]) {
      const lines = settingsText(width).split("\n")
      for (const line of lines) assert.isAtMost(line.length, width)
      for (const { name } of allSettings) assert.include(lines, `  ${name}`)
    }
    assert.include(
      settingsText(200),
      "  SMTP_PORT\n      Port for submission; clients must use STARTTLS. Range: 1 to 65535; 0 for any free port. Default: 587."
    )
  })
})
