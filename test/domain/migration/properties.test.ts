/** Whatever a client writes into the headers of other services, reading them does no harm. */
import { assert, it } from "@effect/vitest"
import * as fc from "fast-check"
import { FORMER_SERVICES, isMigrationHeader, readMigration } from "../../../src/domain/migration/readMigration.ts"
import { fittedTags } from "../../../src/domain/Tag.ts"
import { NOW } from "../../kit/MigrationKit.ts"

const knownNames = FORMER_SERVICES.flatMap(({ headers }) => headers.map(({ name }) => name.replace("*", "key")))

const name = fc.oneof(
  fc.constantFrom(...knownNames),
  fc
    .tuple(fc.constantFrom(...FORMER_SERVICES.map(({ prefix }) => prefix)), fc.string())
    .map(([prefix, rest]) => prefix + rest),
  fc.string()
)

const jsonKeys = fc.oneof(
  fc.constantFrom("to", "category", "unique_args", "filters", "sub", "send_at", "send_each_at", "_rcpt"),
  fc.constantFrom("clicktrack", "opentrack", "settings", "enable"),
  fc.constantFrom("toString", "toJSON", "valueOf", "__proto__", "constructor")
)

const json = fc
  .letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue(),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(jsonKeys, tie("value"), { maxKeys: 5 })
    )
  }))
  .value.map((value) => JSON.stringify(value))

const value = fc.oneof(
  fc.string({ unit: "binary" }),
  json,
  fc.constantFrom("yes", "no", "htmlonly", "opens,clicks", "2026-01-01 00:00:00", "None", "outbound")
)

const mail = fc.record({
  headers: fc.array(fc.record({ name, value }), { maxLength: 12 }),
  subject: fc.string(),
  text: fc.option(fc.string(), { nil: undefined }),
  html: fc.option(fc.string(), { nil: undefined })
})

it("the request is fit to be used", () => {
  fc.assert(
    fc.property(mail, fc.array(fc.emailAddress(), { maxLength: 3 }), (email, recipients) => {
      const request = readMigration(email, { recipients, receivedAt: NOW })
      assert.isAtMost(request.customData.length, 50)
      for (const header of request.customData) {
        assert.match(header.name, /^X-Metadata-[A-Za-z0-9_-]{1,64}$/)
        assert.match(header.value, /^[^\x00-\x1f\x7f]{1,900}$/)
      }
      assert.isAtMost(request.tags.length, 50)
      for (const tag of fittedTags(request.tags)) assert.match(tag, /^[a-zA-Z0-9-_]{1,255}$/)
      assert.isAtMost(request.lost.length, 21)
      for (const what of request.lost) assert.match(what, /^[\x20-\x7e]{1,120}$/)
    }),
    { numRuns: 2_000 }
  )
})

it("what belongs to a service is known by its beginning, in any case", () => {
  for (const known of knownNames) {
    assert.isTrue(isMigrationHeader(known.toLowerCase()), known)
  }
  for (const other of ["x-mailer", "x-tags", "x-priority", "resend-idempotency-key", "x-pmtag", "x-sender-id"]) {
    assert.isFalse(isMigrationHeader(other), other)
  }
})
