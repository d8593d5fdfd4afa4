/** A port of 127.0.0.1 that nobody has any business with: whoever connects is counted, and what they asked for is kept. */
import { Effect } from "effect"
import { type AddressInfo, createServer } from "node:net"

export interface ConnectionTrap {
  readonly port: number
  /** `127.0.0.1:port` */
  readonly host: string
  /** The first line of each connection; empty for one that was opened and not used. */
  readonly caught: () => ReadonlyArray<string>
}

export const openConnectionTrap = Effect.gen(function* () {
  const lines: Array<string> = []
  const server = createServer((socket) => {
    const index = lines.push("") - 1
    socket.on("data", (chunk: Buffer) => {
      lines[index] ||= chunk.toString("latin1").split("\r\n")[0] ?? ""
      socket.end(ANSWER)
    })
    socket.on("error", () => {})
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => void server.close())
  )
  const { port } = server.address() as AddressInfo
  const trap: ConnectionTrap = { port, host: `127.0.0.1:${port}`, caught: () => [...lines] }
  return trap
})

/** A page, for whoever wants one; leave to all, so that nothing but what is under test keeps anybody out. */
const ANSWER = [
  "HTTP/1.1 200 OK",
  "Content-Type: text/html",
  "Connection: close",
  "Access-Control-Allow-Origin: *",
  "",
  "<!doctype html><title>elsewhere</title>"
].join("\r\n")
