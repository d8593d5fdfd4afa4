import { assert, describe, it } from "@effect/vitest"
import { loginName } from "../../../src/layers/cakemail/PersonalAccessToken.ts"
import { credentials } from "../../kit/mail.ts"

const token = `ck_pat_${"0a".repeat(20)}`

describe("loginName", () => {
  it("is the user name beside a password", () => {
    assert.strictEqual(loginName(credentials("apikey", "correct horse")), "apikey")
    assert.strictEqual(loginName(credentials("user@example.com", `${token}0`)), "user@example.com")
    assert.strictEqual(loginName(credentials(token, "correct horse")), token)
  })

  it("is the token's own beside a token, whatever the user name, and does not show it", () => {
    const name = loginName(credentials("apikey", token))
    assert.match(name, /^token-[0-9a-f]{16}$/)
    for (const username of ["resend", token, ""]) assert.strictEqual(loginName(credentials(username, token)), name)
    assert.notStrictEqual(loginName(credentials("apikey", `ck_pat_${"0b".repeat(20)}`)), name)
  })
})
