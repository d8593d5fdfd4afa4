import { assert, describe, it } from "@effect/vitest"
import { embedInlineImages } from "../../../src/layers/cakemail/InlineImages.ts"
import { anAttachment } from "../../kit/mail.ts"

const image = (contentId: string, content = "i", contentType = "image/png") =>
  anAttachment({ fileName: undefined, contentType, contentId, inline: true, content })

const uri = (content: string, contentType = "image/png") =>
  `data:${contentType};base64,${Buffer.from(content).toString("base64")}`

describe("embedInlineImages", () => {
  const cases: ReadonlyArray<readonly [string, string, string]> = [
    ["double quotes", `<img src="cid:a@x">`, `<img src="${uri("i")}">`],
    ["single quotes", `<img src='cid:a@x'>`, `<img src='${uri("i")}'>`],
    ["no quotes", `<img src=cid:a@x>`, `<img src=${uri("i")}>`],
    ["upper case", `<img src="CID:a@x">`, `<img src="${uri("i")}">`],
    ["percent encoding", `<img src="cid:a%40x">`, `<img src="${uri("i")}">`],
    ["a style", `<p style="background:url(cid:a@x)">`, `<p style="background:url(${uri("i")})">`],
    ["twice", `<img src="cid:a@x"><img src="cid:a@x">`, `<img src="${uri("i")}"><img src="${uri("i")}">`]
  ]
  for (const [name, html, expected] of cases) {
    it(`finds a reference: ${name}`, () => {
      assert.deepStrictEqual(embedInlineImages({ html, attachments: [image("a@x")] }), {
        html: expected,
        attachments: []
      })
    })
  }

  it("leaves alone what it cannot embed", () => {
    const large = image("large", "x".repeat(8193))
    const fits = image("fits", "x".repeat(8192))
    const svg = image("svg", "i", "image/svg+xml")
    const unused = image("unused")
    const html = `<img src="cid:large"><img src="cid:fits"><img src="cid:svg"><img src="cid:absent"> the text cid:unused`
    const embedded = embedInlineImages({ html, attachments: [large, fits, svg, unused] })
    assert.strictEqual(
      embedded.html,
      `<img src="cid:large"><img src="${uri("x".repeat(8192))}"><img src="cid:svg"><img src="cid:absent"> the text cid:unused`
    )
    assert.deepStrictEqual(embedded.attachments, [large, svg, unused])
  })

  it("does nothing without HTML", () => {
    const attachments = [image("a")]
    assert.deepStrictEqual(embedInlineImages({ html: undefined, attachments }), { html: undefined, attachments })
  })
})
