/** What panels ask Prometheus: queries over the instances that are chosen at the top of the dashboard. */

/** Label matchers of the chosen instances. */
export const CHOSEN = 'namespace=~"$namespace", pod=~"$pod"'

/** Of the window that suits the time range and how often Prometheus asks. */
export const WINDOW = "$__rate_interval"

const matchers = (more: string): string => (more === "" ? CHOSEN : `${CHOSEN}, ${more}`)

/** A metric as it is. */
export const chosen = (metric: string, more = ""): string => `${metric}{${matchers(more)}}`

/** A counter a second. */
export const rate = (counter: string, more = "", window = WINDOW): string => `rate(${chosen(counter, more)}[${window}])`

/** All instances together, a second. */
export const total = (counter: string, more = ""): string => `sum(${rate(counter, more)})`

/** All instances together, a second, for each value of a label. */
export const totalBy = (label: string, counter: string, more = ""): string =>
  `sum by (${label}) (${rate(counter, more)})`

/** A share of a histogram, over all instances. `by` keeps a label. */
export const quantile = (share: number, histogram: string, options: { by?: string; more?: string } = {}): string => {
  const labels = options.by === undefined ? "le" : `${options.by}, le`
  return `histogram_quantile(${share}, sum by (${labels}) (${rate(`${histogram}_bucket`, options.more)}))`
}

/** What every program has, of the instances of the gateway alone. */
export const ofGateway = (query: string): string => `${query} and ${chosen("smtp_ready")}`
