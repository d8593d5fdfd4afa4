import { Transform, type TransformCallback } from "node:stream"

/** A line that has not ended after so many bytes is passed on in parts. */
const LONGEST = 1_048_576

const LINE_BREAK = 10

/** Passes on whole lines: several processes that write to one pipe would cut into each other's. */
export class WholeLines extends Transform {
  #rest: Buffer = Buffer.alloc(0)

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const end = chunk.lastIndexOf(LINE_BREAK) + 1
    if (end === 0 && this.#rest.length + chunk.length <= LONGEST) {
      this.#rest = Buffer.concat([this.#rest, chunk])
      return done()
    }
    const cut = end === 0 ? chunk.length : end
    const whole = Buffer.concat([this.#rest, chunk.subarray(0, cut)])
    this.#rest = Buffer.from(chunk.subarray(cut))
    done(null, whole)
  }

  /** What a process that was killed had begun stays a line of its own. */
  override _flush(done: TransformCallback): void {
    if (this.#rest.length === 0) done()
    else done(null, Buffer.concat([this.#rest, Buffer.of(LINE_BREAK)]))
  }
}
