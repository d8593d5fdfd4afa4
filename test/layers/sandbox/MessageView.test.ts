import { assert, describe, it } from "@effect/vitest"
import { viewHtml } from "../../../src/layers/sandbox/MessageView.ts"

const view = (html: string, remote = false) => {
  const { body, headers } = viewHtml(html, remote)
  const policy = new Map(
    (headers["content-security-policy"] ?? "").split("; ").map((directive) => {
      const [name = "", ...values] = directive.split(" ")
      return [name, values]
    })
  )
  return { headers, policy, text: body._tag === "Uint8Array" ? Buffer.from(body.body).toString("utf8") : "" }
}

describe("the page of a mail", () => {
  it("runs nothing and has no origin, whether it may load things or not", () => {
    for (const remote of [false, true]) {
      const { headers, policy } = view("<p>Hello</p>", remote)
      const sandbox = policy.get("sandbox") ?? []
      for (const leave of ["allow-scripts", "allow-same-origin", "allow-forms", "allow-top-navigation"]) {
        assert.notInclude(sandbox, leave)
      }
      assert.deepStrictEqual(policy.get("default-src"), ["'none'"])
      for (const name of ["script-src", "connect-src", "frame-src", "object-src", "worker-src", "manifest-src"]) {
        assert.isFalse(policy.has(name), `${name} falls back to 'none'`)
      }
      assert.deepStrictEqual(policy.get("base-uri"), ["'none'"])
      assert.deepStrictEqual(policy.get("form-action"), ["'none'"])
      assert.deepStrictEqual(policy.get("frame-ancestors"), ["'self'"])
      assert.strictEqual(headers["content-type"], "text/html; charset=utf-8")
    }
  })

  it("loads nothing from anywhere until it is asked to", () => {
    assert.notMatch(view("").headers["content-security-policy"] ?? "", /https?:|\*|'self' *;.*src/)
    const { policy } = view("", true)
    assert.includeMembers([...(policy.get("img-src") ?? [])], ["http:", "https:"])
    assert.notInclude([...(policy.get("style-src") ?? [])], "'self'")
  })

  it.each([
    '<link rel="preconnect" href="http://192.0.2.1">',
    "<LINK rel=dns-prefetch href=//tracker.example.com>",
    "<link\trel=preconnect href=//tracker.example.com>",
    "<link\nrel=preconnect href=//tracker.example.com>",
    "<link/rel=preconnect href=//tracker.example.com>",
    "<link>",
    '<p title="<link ">',
    "<<link rel=preconnect href=//tracker.example.com>"
  ])("%j is no link element any more", (html) => {
    assert.notMatch(view(html).text, /<link[\s/>]/i)
    assert.match(view(html, true).text, /<link[\s/>]/i)
  })

  it("leaves other elements as they are", () => {
    assert.include(view("<linker><p>a link</p>").text, "<linker><p>a link</p>")
  })

  it("has its links open elsewhere, and keeps its mode", () => {
    const doctype = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">'
    assert.strictEqual(view(`${doctype}<p>x`).text, `${doctype}<base target="_blank"><p>x`)
    assert.strictEqual(view(`\n<!-- x -->\n${doctype}<p>`).text, `\n<!-- x -->\n${doctype}<base target="_blank"><p>`)
    assert.strictEqual(view("<p>x").text, '<base target="_blank"><p>x')
  })
})
