/** Lines of a `.env` file that set something, so that they can be written again in the form that they had. */

export interface Assignment {
  /** Everything up to the value: `export`, the name, the equals sign, blanks. */
  readonly before: string
  readonly name: string
  /** Without quotes. */
  readonly value: string
  readonly quote: "" | "'" | '"'
}

const LINE = /^(\s*(?:export\s+)?([A-Za-z_]\w*)\s*=[ \t]*)(.*)$/

export const readAssignments = (text: string): ReadonlyArray<Assignment> =>
  text.split(/\r\n|\n|\r/).flatMap((line) => {
    const [, before = "", name = "", rest = ""] = LINE.exec(line) ?? []
    return name === "" ? [] : [{ before, name, ...valueOf(rest) }]
  })

/** The line with another value. */
export const written = ({ before, quote }: Assignment, value: string): string => {
  if (quote === "'" && !value.includes("'")) return `${before}'${value}'`
  return quote !== "" || /[\s#"'$\\]/.test(value)
    ? `${before}"${value.replace(/["\\$]/g, "\\$&")}"`
    : `${before}${value}`
}

const valueOf = (text: string): Pick<Assignment, "value" | "quote"> => {
  const single = /^'([^']*)'/.exec(text)
  if (single !== null) return { value: single[1] ?? "", quote: "'" }
  const double = /^"((?:[^"\\]|\\.)*)"/.exec(text)
  if (double !== null) return { value: (double[1] ?? "").replace(/\\(.)/g, "$1"), quote: '"' }
  return { value: text.replace(/(?:^|\s)#.*$/, "").trim(), quote: "" }
}
