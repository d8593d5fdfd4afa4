import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { migrationOf, withMigration } from "../../../src/layers/cakemail/Migration.ts"
import { readControls } from "../../../src/layers/cakemail/Headers.ts"
import { makeLogRecorder } from "../../kit/LogRecorder.ts"
import { aMessage, anEmail } from "../../kit/mail.ts"
import { aRequest } from "../../kit/MigrationKit.ts"
import { testSettings } from "../../kit/SettingsKit.ts"

const mail = (name: string, value: string) => aMessage({ headers: [{ name, value }] })

const TO_OTHERS = mail("X-SMTPAPI", JSON.stringify({ to: ["recipient@example.org", "ben@example.org"] }))

describe("migrationOf", () => {
  it.effect("names what is lost in the log, once, and nothing when nothing is", () => {
    const log = makeLogRecorder()
    return Effect.gen(function* () {
      yield* migrationOf(mail("X-PM-Tag", "welcome"), testSettings.api)
      yield* migrationOf(mail("X-SMTPAPI", '{"asm_group_id": 1, "ip_pool": "c"}'), testSettings.api)
      assert.deepStrictEqual(log.events, [
        {
          level: "Warn",
          event: "migration_headers_ignored",
          fields: { headers: "X-SMTPAPI asm_group_id, X-SMTPAPI ip_pool" }
        }
      ])
    }).pipe(Effect.provide(log.layer))
  })

  it.effect("refuses nothing of what was accepted before and is sent again to one of its recipients", () =>
    Effect.gen(function* () {
      const strict = { ...testSettings.api, migrationUnsupported: "reject" as const }
      const refused = yield* Effect.flip(migrationOf(TO_OTHERS, strict))
      assert.include(refused.reason, "X-SMTPAPI to")
      assert.strictEqual(refused.subject, "content")
      yield* migrationOf({ ...TO_OTHERS, isReplay: true }, strict)
    })
  )
})

describe("withMigration", () => {
  it("adds to Cakemail's own headers what they do not say", () => {
    const email = anEmail({ headers: [{ name: "X-Track-Opens", value: "false" }] })
    const request = aRequest({ trackOpens: true, trackClicksHtml: false, contentType: "marketing", tags: ["a"] })
    const controls = withMigration(readControls(email), request)
    assert.strictEqual(controls.trackOpens, false)
    assert.strictEqual(controls.trackClicksHtml, false)
    assert.strictEqual(controls.trackClicksText, undefined)
    assert.strictEqual(controls.contentType, "marketing")
    assert.deepStrictEqual(controls.tags, ["a"])
  })
})
