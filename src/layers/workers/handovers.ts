/** Connections that are on their way from the supervisor to a worker. */
import type { ChildProcess } from "node:child_process"

/**
 * Ends those that a worker which is gone had not taken. node:cluster forgets them with it: they would stay open, with
 * nobody at this end, until their clients give up, and take a file descriptor for good.
 */
export type EndHandovers = () => void

/** Watches what node:cluster says to the worker: it hands a connection over with a number, and is told when it is taken. */
export const watchHandovers = (worker: ChildProcess): EndHandovers => {
  const untaken = new Map<unknown, Closable>()
  worker.send = new Proxy(worker.send, {
    apply: (send, self, told: ReadonlyArray<unknown>) => {
      const [message, handle] = told
      if (isHandover(message) && isClosable(handle)) untaken.set(message.seq, handle)
      return Reflect.apply(send, self, told)
    }
  })
  worker.on("internalMessage", (message: unknown) => {
    if (typeof message === "object" && message !== null && "ack" in message) untaken.delete(message.ack)
  })
  return () => {
    for (const handle of untaken.values()) handle.close()
    untaken.clear()
  }
}

interface Closable {
  readonly close: () => void
}

const isHandover = (message: unknown): message is { readonly seq: unknown } =>
  typeof message === "object" && message !== null && "act" in message && message.act === "newconn" && "seq" in message

const isClosable = (handle: unknown): handle is Closable =>
  typeof handle === "object" && handle !== null && "close" in handle && typeof handle.close === "function"
