/** Paragraphs of text/plain; format=flowed (RFC 3676), joined again. */

/** `text` has LF line ends. With `delSp` the blank before a soft break was added by the sender and goes. */
export const unwrapFlowed = (text: string, delSp: boolean): string => {
  const unwrapped = new Paragraphs()
  let depth = 0
  for (let start = 0; start <= text.length;) {
    const newline = text.indexOf("\n", start)
    const end = newline < 0 ? text.length : newline
    const lineDepth = quoteDepth(text, start)
    // Section 4.5: a quote of another depth ends the paragraph even if that was to go on.
    if (lineDepth !== depth) unwrapped.end()
    depth = lineDepth
    const marked = start + depth
    const content = text.slice(text[marked] === " " ? marked + 1 : marked, end)
    if (content === SIGNATURE_SEPARATOR) {
      unwrapped.end()
      unwrapped.add(depth, content)
      unwrapped.end()
    } else if (content.endsWith(" ")) {
      unwrapped.add(depth, delSp ? content.slice(0, -1) : content)
    } else {
      unwrapped.add(depth, content)
      unwrapped.end()
    }
    start = end + 1
  }
  return unwrapped.text()
}

/** Section 4.3: its blank is no soft break. */
const SIGNATURE_SEPARATOR = "-- "

const quoteDepth = (text: string, start: number): number => {
  let end = start
  while (text[end] === ">") end++
  return end - start
}

/** So many pieces become one string: a text can consist of millions, each of which would take more memory than its letters. */
const PIECES_JOINED = 4096

class Paragraphs {
  readonly #joined: Array<string> = []
  #pieces: Array<string> = []
  #begun = false
  #open = false
  #markEndsBare = false

  /** Goes on with the paragraph, or begins one that is quoted so deeply. */
  add(depth: number, piece: string): void {
    if (!this.#open) {
      if (this.#begun) this.#push("\n")
      this.#begun = true
      this.#open = true
      this.#markEndsBare = depth > 0
      if (depth > 0) this.#push(">".repeat(depth))
    }
    if (piece === "") return
    if (this.#markEndsBare) this.#push(" ")
    this.#markEndsBare = false
    this.#push(piece)
  }

  end(): void {
    this.#open = false
  }

  text(): string {
    return this.#joined.join("") + this.#pieces.join("")
  }

  #push(piece: string): void {
    this.#pieces.push(piece)
    if (this.#pieces.length < PIECES_JOINED) return
    this.#joined.push(this.#pieces.join(""))
    this.#pieces = []
  }
}
