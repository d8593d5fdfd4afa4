/** The lines that docs and reviewers draw, held by a machine. */
import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"

interface SourceFile {
  /** From the root of the repository. */
  readonly path: string
  readonly folder: string
  readonly lines: number
  /** Without comments and long texts. */
  readonly code: string
  /** As written; those of this repository as paths from its root. */
  readonly imports: ReadonlyArray<string>
}

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g

/** Texts of several lines are for people to read: what stands in them is not run. */
const withoutProse = (text: string): string =>
  text
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "")
    .replace(/`(?:[^`\\]|\\.)*`/gs, (template) => (template.includes("\n") ? "``" : template))

const read = (path: string): SourceFile => {
  const text = readFileSync(path, "utf8")
  const code = withoutProse(text)
  return {
    path,
    folder: path.split("/")[1] ?? "",
    lines: text.trimEnd().split("\n").length,
    code,
    imports: [...code.matchAll(IMPORT)].map(([, name = ""]) =>
      name.startsWith(".") ? join(dirname(path), name) : name
    )
  }
}

/** A program for browsers, by rules of its own; an asset of the sandbox. */
const PAGE = "src/layers/sandbox/page/"

const allFiles = globSync("src/**/*.{ts,tsx}")
  .toSorted()
  .map((path) => read(path))

const page = allFiles.filter(({ path }) => path.startsWith(PAGE))

const files = allFiles.filter(({ path }) => !path.startsWith(PAGE))

const sources = files.filter(({ path }) => !path.endsWith(".d.ts"))

/** `path: what`, for each import that is not as it should be. */
const wrongImports = (folder: string, isRight: (name: string) => boolean): ReadonlyArray<string> =>
  sources
    .filter((file) => file.folder === folder)
    .flatMap(({ imports, path }) => imports.filter((name) => !isRight(name)).map((name) => `${path}: ${name}`))

const isEffect = (name: string): boolean => name === "effect" || name.startsWith("effect/")

const isIn = (name: string, ...folders: ReadonlyArray<string>): boolean =>
  folders.some((folder) => name.startsWith(`src/${folder}/`))

describe("the arrows: domain <- services <- layers <- programs", () => {
  it("there is something to look at", () => {
    for (const folder of ["domain", "services", "layers", "programs"]) {
      const imports = sources.filter((file) => file.folder === folder).flatMap((file) => file.imports)
      assert.isAbove(imports.length, 5, folder)
    }
    assert.deepStrictEqual([...new Set(sources.map(({ folder }) => folder))].toSorted(), [
      "domain",
      "layers",
      "programs",
      "services"
    ])
  })

  it("domain imports effect and itself alone", () => {
    assert.deepStrictEqual(
      wrongImports("domain", (name) => isEffect(name) || isIn(name, "domain")),
      []
    )
  })

  it("services import effect, domain and themselves: nothing of Node, nothing of a package", () => {
    assert.deepStrictEqual(
      wrongImports("services", (name) => isEffect(name) || isIn(name, "domain", "services")),
      []
    )
  })

  it("layers import no program", () => {
    assert.deepStrictEqual(
      wrongImports("layers", (name) => !isIn(name, "programs")),
      []
    )
  })

  it("nothing in src imports a test, and every path ends in .ts", () => {
    const wrong = sources.flatMap(({ imports, path }) =>
      imports
        .filter((name) => name.startsWith("test/") || (name.startsWith("src/") && !name.endsWith(".ts")))
        .map((name) => `${path}: ${name}`)
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("platform-node comes by module, for its barrel is slow to load", () => {
    const barrel = sources.filter(({ imports }) => imports.includes("@effect/platform-node"))
    assert.deepStrictEqual(
      barrel.map(({ path }) => path),
      []
    )
  })
})

describe("files", () => {
  it("are about one thing: no index, no collection of odds and ends", () => {
    const names = /^(?:index|utils?|helpers?|common|misc|shared)(?:\.|$)/i
    const wrong = allFiles.filter(({ path }) => path.split("/").some((part) => names.test(part)))
    assert.deepStrictEqual(
      wrong.map(({ path }) => path),
      []
    )
  })

  it("have at most 350 lines, the table of settings apart", () => {
    const long = [...sources, ...page].filter(({ lines, path }) => lines > 350 && basename(path) !== "settings.ts")
    assert.deepStrictEqual(
      long.map(({ lines, path }) => `${path}: ${lines}`),
      []
    )
  })

  it("session.ts stays under 150 lines", () => {
    const session = sources.find(({ path }) => path === "src/programs/session.ts")
    assert.isBelow(session?.lines ?? Number.POSITIVE_INFINITY, 150)
  })
})

describe("code", () => {
  const forbidden: ReadonlyArray<readonly [what: string, pattern: RegExp]> = [
    ["console: use Effect.log or Console", /\bconsole\s*\./],
    ["timers: use Effect.sleep, Schedule", /\b(?:setTimeout|setInterval)\s*\(/],
    ["the clock of the machine: use Clock", /\bDate\.now\s*\(|\bnew Date\(\s*\)|\bperformance\.now\s*\(/],
    ["bare promises: use Effect.callback or Effect.tryPromise", /\bnew Promise\b|\.then\s*\(/],
    ["random numbers of the machine: use Random or node:crypto", /\bMath\.random\s*\(/],
    ["the environment: use readSetting", /\bprocess\.env\b/],
    ["casts past the compiler", /\bas unknown as\b|\bas never\b|@ts-(?:ignore|expect-error|nocheck)/],
    ["any", /(?::|\bas|<|\|)\s*any\b(?!\w)/],
    ["non-null assertions", /[\w)\]]!(?:[.;,)\]]|\s*$)/m]
  ]
  for (const [what, pattern] of forbidden) {
    it(`is free of ${what}`, () => {
      const found = sources.flatMap(({ code, path }) =>
        code
          .split("\n")
          .filter((line) => pattern.test(line))
          .map((line) => `${path}: ${line.trim()}`)
      )
      assert.deepStrictEqual(found, [])
    })
  }
})

describe("the page of the inbox", () => {
  const wrong = (isWrong: (file: SourceFile) => ReadonlyArray<string>): ReadonlyArray<string> =>
    page.flatMap((file) => isWrong(file).map((what) => `${file.path}: ${what}`))

  it("there is something to look at", () => {
    assert.isAbove(page.length, 20)
  })

  it("takes types of the sandbox and nothing else of it: what it imports is in the browser", () => {
    const imported = /^import (?!type )[^"]*"(?!preact|@preact\/signals|vite"|\.\/)[^"]*"/gm
    assert.deepStrictEqual(
      wrong(({ path }) => readFileSync(path, "utf8").match(imported) ?? []),
      []
    )
  })

  it("nothing outside of it imports it", () => {
    assert.deepStrictEqual(
      sources.filter(({ imports }) => imports.some((name) => name.startsWith(PAGE))).map(({ path }) => path),
      []
    )
  })

  it("never makes HTML or code of a text: what it shows was written by strangers", () => {
    const risky =
      /\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|srcdoc|eval|document\.write)\b|\bnew Function\b/g
    assert.deepStrictEqual(
      wrong(({ code }) => code.match(risky) ?? []),
      []
    )
  })
})
