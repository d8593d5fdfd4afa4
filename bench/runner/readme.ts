/** The parts of bench/README.md that the bench itself writes. */
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { rootDirectory } from "./subjects.ts"

/** Stands between `<!-- NAME -->` and `<!-- end of NAME -->`. */
export type ReadmeSection = "figures" | "profile"

export const writeReadme = (section: ReadmeSection, markdown: string): Effect.Effect<void> =>
  Effect.sync(() => {
    const path = join(rootDirectory, "bench/README.md")
    writeFileSync(path, withSection(readFileSync(path, "utf8"), section, markdown))
  })

export const withSection = (page: string, section: ReadmeSection, markdown: string): string => {
  const begin = `<!-- ${section} -->\n`
  const end = `<!-- end of ${section} -->`
  const from = page.indexOf(begin) + begin.length
  return `${page.slice(0, from)}\n${markdown}\n\n${page.slice(page.indexOf(end, from))}`
}
