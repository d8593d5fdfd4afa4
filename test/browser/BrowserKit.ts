/** The inbox in a real browser: Debian's Chromium, driven over its debugging protocol. */
import { Effect } from "effect"
import { createTransport, type SendMailOptions } from "nodemailer"
import { type Browser, chromium, type Page } from "playwright-core"
import { withClient } from "../kit/ClientProgram.ts"
import { startGateway } from "../kit/GatewayKit.ts"

export const hasBrowser = withClient("Chromium", "chromium", "--version")

/** It talks to this machine alone, and to nobody at all about itself. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
]

/** With a profile of its own, which goes with the scope. */
export const openBrowser = Effect.acquireRelease(
  Effect.promise(() => chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: FLAGS })),
  (browser) => Effect.promise(() => browser.close())
)

export interface OpenPage {
  readonly page: Page
  /** What the browser complained about: errors of scripts, and what a policy forbade. */
  readonly complaints: ReadonlyArray<string>
  /** Addresses outside of the sandbox that something was asked of. */
  readonly elsewhere: ReadonlyArray<string>
}

export interface PageOptions {
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  /** Device pixels for each pixel of the page. Default: 1. */
  readonly scale?: number
}

export const openPage = Effect.fnUntraced(function* (browser: Browser, url: string, options: PageOptions = {}) {
  const context = yield* Effect.acquireRelease(
    Effect.promise(() =>
      browser.newContext({
        viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
        deviceScaleFactor: options.scale ?? 1,
        colorScheme: options.dark === true ? "dark" : "light",
        reducedMotion: "reduce",
        acceptDownloads: true,
        locale: "en-GB",
        permissions: ["clipboard-read", "clipboard-write"]
      })
    ),
    (opened) => Effect.promise(() => opened.close())
  )
  const page = yield* Effect.promise(() => context.newPage())
  const complaints: Array<string> = []
  const elsewhere: Array<string> = []
  page.on("console", (message) => {
    // What could not be loaded the text does not say.
    const complaint = `${message.text()} at ${message.location().url}`
    if (message.type() === "error" || message.type() === "warning") complaints.push(complaint)
  })
  page.on("pageerror", (error) => complaints.push(error.message))
  const { origin } = new URL(url)
  context.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith("data:")) elsewhere.push(request.url())
  })
  page.setDefaultTimeout(30_000)
  yield* Effect.promise(() => page.goto(url))
  const opened: OpenPage = { page, complaints, elsewhere }
  return opened
})

/** The whole of `npm start`, a browser, and the page in it. */
export const openInbox = Effect.fnUntraced(function* (options: PageOptions = {}) {
  const gateway = yield* startGateway({ shown: true, settings: { api: { createSenders: true } } })
  const browser = yield* openBrowser
  const opened = yield* openPage(browser, `${gateway.sandbox.url}/`, options)
  return { ...opened, ...gateway, browser, url: gateway.sandbox.url, send: mailer(gateway.smtpPort) }
})

/** Sends by SMTP; the reply of the server, whatever it was. */
export const mailer =
  (port: number) =>
  (mail: SendMailOptions, user = "demo@example.com", pass = "demo") =>
    Effect.promise(async () => {
      const transport = createTransport({
        host: "127.0.0.1",
        port,
        requireTLS: true,
        tls: { rejectUnauthorized: false },
        auth: { user, pass }
      })
      try {
        const { response } = await transport.sendMail({ from: "demo@example.com", to: "you@example.com", ...mail })
        return response
      } catch (error) {
        return error instanceof Error && "response" in error ? String(error.response) : String(error)
      } finally {
        transport.close()
      }
    })

/** A step of somebody who sits in front of the page. */
export const step = <A>(act: () => Promise<A>): Effect.Effect<A> => Effect.promise(act)
