/**
 * Ten thousand messages: the list shows them all, and has only those in the document that are in sight. How long that
 * takes is printed; docs/decisions/0030-the-inbox-page.md has it of one machine.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually } from "../kit/SandboxKit.ts"
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
          // A page that was open meanwhile reads its list anew, a moment after the last event. One that is opened now reads
          // it twice from its beginning: at once, and when its stream of events stands; what it had is forgotten then. After
          // that nothing happens any more but what is done here.
          const list = "/api/v1/messages"
          const asked: Array<string> = []
          let fromStart = 0
          page.on("request", (request) => void (request.url().includes(list) && asked.push(request.url())))
          page.on("response", (response) => void (response.url().includes(`${list}?start=0&`) && fromStart++))
          // What the page was told before it was loaded anew does not count.
          page.on("framenavigated", (frame) => void (frame === page.mainFrame() && (fromStart = 0)))
          yield* step(() => page.reload())
          yield* eventually(Effect.sync(() => fromStart >= 2))
          yield* step(() => page.getByRole("link", { name: "Inbox 10,000" }).waitFor())

          const rows = page.locator(".row-place")
          const row = (number: number) => rows.filter({ has: page.getByText(`Message ${number}`, { exact: true }) })
          const scrollTo = (share: number) =>
            step(() => page.evaluate(`list.scrollTop = (list.scrollHeight - list.clientHeight) * ${share}`))
          const holes = page.locator(".row-place[aria-hidden]")
          const passOver = (settled: Effect.Effect<unknown>) =>
            Effect.forEach(
              [
                [1, 1],
                [0.5, 5_000],
                [0.25, 7_500],
                [0, COUNT]
              ] as const,
              Effect.fnUntraced(function* ([share, number]) {
                yield* scrollTo(share)
                yield* step(() => row(number).waitFor())
                assert.isBelow(yield* step(() => rows.count()), 40)
                const place = yield* step(() => row(number).getAttribute("aria-posinset"))
                assert.strictEqual(place, String(COUNT + 1 - number))
                yield* settled
                assert.strictEqual(yield* step(() => holes.count()), 0, "no holes are left")
              })
            )
          // Rows that are in sight together may be of two pages, one of which comes a moment later.
          yield* passOver(
            eventually(
              Effect.map(
                step(() => holes.count()),
                (count) => count === 0
              )
            )
          )

          // Each page of the list is asked for once, however often it is passed.
          asked.length = 0
          yield* passOver(Effect.void)
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
