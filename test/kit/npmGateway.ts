/** How `npm run gateway` runs the process, which everything else that runs it has to do as well. */
import { readFileSync } from "node:fs"

export const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly scripts: { readonly gateway: string; readonly start: string }
}

const found = (pattern: RegExp): ReadonlyArray<string> =>
  [...scripts.gateway.matchAll(pattern)].map(([, one = ""]) => one)

/** `NAME=value` each. */
export const processVariables = found(/\b(MALLOC_\w+=\d+)/g)

/** Of Node.js. */
export const nodeOptions = found(/ (--[\w-]+(?:=\d+)?)(?= )/g)
