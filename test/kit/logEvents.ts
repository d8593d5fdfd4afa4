/** The log events, as docs/logs.md tells of them and as the source has them. */
import { globSync, readFileSync } from "node:fs"

export interface DocumentedEvent {
  /** As a line has them: `debug`, `info`, `warn`, `error`. */
  readonly levels: ReadonlySet<string>
  /** Its own. */
  readonly own: ReadonlySet<string>
  /** Its own, and those that can stand on every line. */
  readonly fields: ReadonlySet<string>
}

const page = readFileSync("docs/logs.md", "utf8")

const codes = (text: string): ReadonlyArray<string> => [...text.matchAll(/`(\w+)`/g)].map(([, code = ""]) => code)

const COMMON = [...page.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, names = ""]) => codes(names))

const EVENT = /^### (`\w+`(?:, `\w+`)*)\n\n((?:DEBUG|INFO|WARN|ERROR)(?:, \w+)*)\.(?: Fields: ([^.]+)\.)?\n\n\S/gm

export const documentedEvents: ReadonlyMap<string, DocumentedEvent> = new Map(
  [...page.matchAll(EVENT)].flatMap(([, names = "", levels = "", fields = ""]) =>
    codes(names).map((name) => [
      name,
      {
        levels: new Set(levels.toLowerCase().split(", ")),
        own: new Set(codes(fields)),
        fields: new Set([...COMMON, ...codes(fields)])
      }
    ])
  )
)

/** Everything under a heading of that kind, well-formed or not. */
export const eventHeadings: ReadonlyArray<string> = [...page.matchAll(/^### (.*)$/gm)].flatMap(([, heading = ""]) =>
  codes(heading)
)

const LEVEL: Readonly<Record<string, string>> = { Debug: "debug", Info: "info", Warning: "warn", Error: "error" }

/** Each event of the source with the levels that it is logged at. */
export const loggedEvents: ReadonlyMap<string, ReadonlySet<string>> = (() => {
  const events = new Map<string, Set<string>>()
  const add = (name: string, level: string) => events.set(name, (events.get(name) ?? new Set()).add(level))
  for (const path of globSync("src/**/*.ts")) {
    const source = readFileSync(path, "utf8").replace(/\/\*[^]*?\*\//g, "")
    for (const [, level = "", argument = ""] of source.matchAll(/Effect\.log(Debug|Info|Warning|Error)\(([^,)]*)/g)) {
      for (const [, name = ""] of argument.matchAll(/"(\w+)"/g)) add(name, LEVEL[level] ?? level)
    }
    for (const [, level = "", name = ""] of source.matchAll(/level: "(\w+)",\s*event: "(\w+)"/g)) {
      add(name, level.toLowerCase())
    }
  }
  return events
})()
