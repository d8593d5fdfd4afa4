/** Paragraphs of text/plain; format=flowed (RFC 3676), joined again. */

/** `text` has LF line ends. With `delSp` the blank before a soft break was added by the sender and goes. */
export const unwrapFlowed = (text: string, delSp: boolean): string => {
  const paragraphs: Array<string> = []
  let pieces: Array<string> = []
  let depth = 0
  const flush = () => {
    if (pieces.length > 0) paragraphs.push(quoted(depth, pieces.join("")))
    pieces = []
  }
  for (const line of text.split("\n")) {
    const lineDepth = quoteDepth(line)
    // Section 4.5: a quote of another depth ends the paragraph even if that was to go on.
    if (lineDepth !== depth) flush()
    depth = lineDepth
    const content = line.startsWith(" ", depth) ? line.slice(depth + 1) : line.slice(depth)
    if (content === SIGNATURE_SEPARATOR) {
      flush()
      paragraphs.push(quoted(depth, content))
    } else if (content.endsWith(" ")) {
      pieces.push(delSp ? content.slice(0, -1) : content)
    } else {
      pieces.push(content)
      flush()
    }
  }
  flush()
  return paragraphs.join("\n")
}

/** Section 4.3: its blank is no soft break. */
const SIGNATURE_SEPARATOR = "-- "

const quoteDepth = (line: string): number => {
  let depth = 0
  while (line[depth] === ">") depth++
  return depth
}

const quoted = (depth: number, content: string): string => {
  if (depth === 0) return content
  return content === "" ? ">".repeat(depth) : `${">".repeat(depth)} ${content}`
}
