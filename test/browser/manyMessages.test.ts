/**
 * Ten thousand messages: the list shows them all, and has only those in the document that are in sight. How long that
 * takes is printed; docs/decisions/0030-the-inbox-page.md has it of one machine.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { capturedMessage } from "../layers/sandbox/capturedMessage.ts"
import { hasBrowser, openInbox, step } from "./BrowserKit.ts"

const COUNT = 10_000

/** Twelve of them are a mail of 3 kB. */
const LINE = `<tr><td style="padding:8px 16px;font-family:Arial,sans-serif;color:#333"><p>Dear customer &amp; friend, your order
has been <b>shipped</b> today. Follow it at <a href="https://shop.example.com/track?id=4711">this link</a>.</p></td></tr>`

/** Milliseconds from one picture to the next while the list is scrolled by 2,000 pixels for each. */
const SCROLL = `new Promise((done) => {
  const gaps = []
  let last = performance.now()
  const draw = (now) => {
    gaps.push(now - last)
    last = now
    list.scrollTop += 2_000
    if (gaps.length < 150) requestAnimationFrame(draw)
    else done(gaps)
  }
  requestAnimationFrame(draw)
})`

const message = (number: number) =>
  capturedMessage({
    id: `id-${number}`,
    subject: `Message ${number}`,
    html: `<html><head><style>p { color: red }</style></head><body><table>${LINE.repeat(12)}</table>${number}</body></html>`,
    receivedAt: Date.UTC(2026, 0, 1) + number * 1_000
  })

describe.runIf(hasBrowser)("ten thousand messages", () => {
  it.live(
    "are scrolled through, reached by the keyboard and searched",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { page, sandbox, send } = yield* openInbox()
          const { messages } = sandbox.sandbox
          for (let number = 1; number <= COUNT; number++) yield* messages.add(message(number))
          yield* step(() => page.getByRole("link", { name: "Inbox 10,000" }).waitFor())

          const rows = page.locator(".row-place")
          const row = (number: number) => rows.filter({ has: page.getByText(`Message ${number}`, { exact: true }) })
          const scrollTo = (share: number) =>
            step(() => page.evaluate(`list.scrollTop = (list.scrollHeight - list.clientHeight) * ${share}`))
          const passOver = Effect.gen(function* () {
            for (const [share, number] of [
              [1, 1],
              [0.5, 5_000],
              [0.25, 7_500],
              [0, COUNT]
            ] as const) {
              yield* scrollTo(share)
              yield* step(() => row(number).waitFor())
              assert.isBelow(yield* step(() => rows.count()), 40)
              const place = yield* step(() => row(number).getAttribute("aria-posinset"))
              assert.strictEqual(place, String(COUNT + 1 - number))
              // Its neighbours may be of a page that comes a moment later.
              yield* step(() => page.waitForFunction("document.querySelector('.row-place[aria-hidden]') === null"))
            }
          })
          yield* passOver

          // Each page of the list is asked for once, however often it is passed: but for the list being read anew, a
          // moment after the ten thousand have come, and then no more.
          let asked: Array<string> = []
          page.on("request", (request) => {
            if (request.url().includes("/api/v1/messages")) asked.push(request.url())
          })
          for (let passes = 0; passes === 0 || (asked.length > 0 && passes < 5); passes++) {
            asked = []
            yield* passOver
          }
          assert.deepStrictEqual(asked, [])

          const gaps = (yield* step(() => page.evaluate<Array<number>>(SCROLL))).toSorted((one, other) => one - other)
          const [half, most, all] = [gaps[75], gaps[142], gaps[149]].map((gap) => Math.round(gap ?? 0))
          console.info(`inbox: scrolling, ms between pictures: median ${half}, 95 of 100 ${most}, all ${all}`)
          yield* scrollTo(0)
          yield* step(() => row(COUNT).waitFor())

          for (let presses = 0; presses < 150; presses++) yield* step(() => page.keyboard.press("j"))
          yield* step(() => page.keyboard.press("Enter"))
          yield* step(() => page.getByRole("heading", { name: "Message 9851", exact: true }).waitFor())

          for (const words of ["friend, your", "order has"]) {
            const begun = performance.now()
            yield* step(() =>
              Promise.all([
                page.waitForResponse((response) => response.url().includes("/api/v1/search")),
                page.getByRole("searchbox").fill(`"${words}"`)
              ])
            )
            console.info(`inbox: searched in ${Math.round(performance.now() - begun)} ms`)
          }
          yield* step(() => page.getByRole("searchbox").fill("subject:4321"))
          yield* step(() => page.getByRole("link", { name: "Inbox 1", exact: true }).waitFor())
          yield* step(() => page.getByRole("searchbox").fill(""))
          yield* step(() => page.getByRole("link", { name: "Inbox 10,000" }).waitFor())

          // One more: the oldest goes, and nothing that is in sight moves away under the reader.
          yield* scrollTo(0.5)
          yield* step(() => row(5_000).waitFor())
          const before = yield* step(() => row(5_000).boundingBox())
          yield* send({ subject: "One more" })
          yield* step(() => row(5_000).and(page.locator("[aria-posinset='5002']")).waitFor())
          assert.strictEqual((yield* step(() => row(5_000).boundingBox()))?.y, before?.y)
          yield* scrollTo(0)
          yield* step(() => page.locator(".row").first().getByText("One more").waitFor())
          yield* step(() => page.getByRole("link", { name: "Inbox 10,000" }).waitFor())
          yield* scrollTo(1)
          yield* step(() => row(2).waitFor())
        })
      ),
    90_000
  )
})
