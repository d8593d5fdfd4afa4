/** What a CPU profile of V8 says: the functions that took the most time themselves, by the module that they belong to. */
import { Schema } from "effect"
import { table } from "./markdown.ts"

const CpuProfile = Schema.Struct({
  nodes: Schema.Array(
    Schema.Struct({
      id: Schema.Int,
      callFrame: Schema.Struct({ functionName: Schema.String, url: Schema.String, lineNumber: Schema.Int })
    })
  ),
  /** Microseconds of the machine's monotonic clock. */
  startTime: Schema.Finite,
  samples: Schema.Array(Schema.Int),
  /** Microseconds from the sample before, or from the start. */
  timeDeltas: Schema.Array(Schema.Finite)
})
export type CpuProfile = typeof CpuProfile.Type

export const readProfile = Schema.decodeEffect(Schema.fromJsonString(CpuProfile))

export interface SelfTime {
  readonly module: string
  /** With its file and line. */
  readonly name: string
  /** Milliseconds. */
  readonly self: number
}

/** Between two times of the monotonic clock, in milliseconds; the longest first, idle time left out. */
export const selfTimes = (
  { nodes, samples, startTime, timeDeltas }: CpuProfile,
  window: { readonly from: number; readonly to: number },
  root: string
): ReadonlyArray<SelfTime> => {
  const byNode = new Map<number, number>()
  let at = startTime
  for (const [index, node] of samples.entries()) {
    const delta = timeDeltas[index] ?? 0
    at += delta
    if (at >= window.from * 1000 && at < window.to * 1000) byNode.set(node, (byNode.get(node) ?? 0) + delta)
  }
  const byFunction = new Map<string, SelfTime>()
  for (const { callFrame, id } of nodes) {
    const self = (byNode.get(id) ?? 0) / 1000
    if (self === 0 || callFrame.functionName === "(idle)") continue
    const module = moduleOf(callFrame, root)
    const name = nameOf(callFrame)
    const key = `${module} ${name}`
    byFunction.set(key, { module, name, self: self + (byFunction.get(key)?.self ?? 0) })
  }
  return [...byFunction.values()].toSorted((a, b) => b.self - a.self)
}

/** Modules with their share and their time a mail; beneath each its hottest functions. */
export const profileTable = (times: ReadonlyArray<SelfTime>, mails: number): string => {
  const total = sumOf(times)
  const modules = new Map<string, Array<SelfTime>>()
  for (const time of times) modules.set(time.module, [...(modules.get(time.module) ?? []), time])
  const row = (name: string, self: number): ReadonlyArray<string> => [
    name,
    `${((100 * self) / total).toFixed(1)}`,
    `${((1000 * self) / mails).toFixed(1)}`
  ]
  return table(
    ["where", "% of busy time", "µs/mail"],
    [...modules]
      .map(([module, functions]) => ({ module, functions, self: sumOf(functions) }))
      .filter(({ self }) => self / total >= SHOWN_MODULE)
      .toSorted((a, b) => b.self - a.self)
      .flatMap(({ functions, module, self }) => [
        row(`**${module}**`, self),
        ...functions
          .filter((each) => each.self / total >= SHOWN_FUNCTION)
          .slice(0, FUNCTIONS_A_MODULE)
          .map((each) => row(`- ${each.name}`, each.self))
      ])
  )
}

/** Shares of the busy time below which there is no row. */
const SHOWN_MODULE = 0.005
const SHOWN_FUNCTION = 0.003
const FUNCTIONS_A_MODULE = 12

type CallFrame = CpuProfile["nodes"][number]["callFrame"]

const moduleOf = ({ functionName, url }: CallFrame, root: string): string => {
  if (functionName === "(garbage collector)") return "garbage collector"
  // What V8 cannot look into: system calls, OpenSSL, libuv.
  if (functionName === "(program)") return "native code"
  if (url === "") return "built-in functions"
  if (url.startsWith("node:")) return url.split("/").slice(0, 2).join("/")
  const path = url.replace(/^file:\/\//, "")
  const inPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]
  if (inPackage !== undefined) return inPackage
  const inRoot = path.startsWith(root) ? path.slice(root.length) : path
  return inRoot.split("/").slice(0, -1).join("/")
}

const nameOf = ({ functionName, lineNumber, url }: CallFrame): string => {
  const name = functionName === "" ? "(anonymous)" : functionName
  const file = url.split("/").at(-1) ?? ""
  return file === "" ? name : `${name} ${file}:${lineNumber + 1}`
}

const sumOf = (times: ReadonlyArray<SelfTime>): number => times.reduce((sum, { self }) => sum + self, 0)
