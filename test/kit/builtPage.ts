/** Before all tests: the page of the inbox is built of the sources that are here, and not of those of last week. */
import { spawnSync } from "node:child_process"
import { globSync, statSync } from "node:fs"

const BUILT = "dist/page/inbox.html"

const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

export const setup = (): void => {
  const sources = ["package-lock.json", ...globSync("src/layers/sandbox/page/**/*.*")]
  if (sources.every((path) => changedAt(path) < changedAt(BUILT))) return
  const { status, stderr } = spawnSync("npm", ["run", "-s", "build:page"], { encoding: "utf8" })
  if (status !== 0) throw new Error(`the page does not build: ${stderr}`)
}
