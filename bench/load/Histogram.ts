/** Latencies in constant space: 64 buckets for each power of two of microseconds, so that a value is known to 1.6 %. */

/** Milliseconds. */
export interface Latency {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

const SUB_BUCKETS = 64
/** Up to 2^37 microseconds: 38 hours. */
const BUCKETS = SUB_BUCKETS * 32

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS)
  #count = 0
  #sum = 0
  #max = 0

  add(milliseconds: number): void {
    const value = Math.max(0, milliseconds)
    const bucket = bucketOf(Math.round(value * 1000))
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count++
    this.#sum += value
    if (value > this.#max) this.#max = value
  }

  get latency(): Latency {
    return {
      count: this.#count,
      mean: this.#count === 0 ? 0 : this.#sum / this.#count,
      p50: this.#percentile(0.5),
      p90: this.#percentile(0.9),
      p95: this.#percentile(0.95),
      p99: this.#percentile(0.99),
      p999: this.#percentile(0.999),
      max: this.#max
    }
  }

  #percentile(share: number): number {
    const rank = Math.ceil(this.#count * share)
    if (rank === 0) return 0
    let seen = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0
      if (seen >= rank) return Math.min(middleOf(bucket) / 1000, this.#max)
    }
    return this.#max
  }
}

/** The first 128 values have a bucket each; from there on the leading 7 bits decide. */
const bucketOf = (microseconds: number): number => {
  if (microseconds < 2 * SUB_BUCKETS) return microseconds
  const exponent = Math.floor(Math.log2(microseconds)) - 6
  return Math.min(BUCKETS - 1, exponent * SUB_BUCKETS + Math.floor(microseconds / 2 ** exponent))
}

const middleOf = (bucket: number): number => {
  if (bucket < 2 * SUB_BUCKETS) return bucket
  const exponent = Math.floor(bucket / SUB_BUCKETS) - 1
  return (bucket - exponent * SUB_BUCKETS + 0.5) * 2 ** exponent
}
