/** Numbers and times as people read them, in the language of the browser. */
const size = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 })

export const formatBytes = (bytes: number): string => {
  if (bytes < 1_000) return `${bytes} B`
  return bytes < 1_000_000 ? `${size.format(bytes / 1_000)} kB` : `${size.format(bytes / 1_000_000)} MB`
}

const count = new Intl.NumberFormat()

export const formatCount = (number: number): string => count.format(number)

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" })
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" })
const year = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" })
const full = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
  second: "2-digit"
})
const precise = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3
})

/** As short as it can be and still say when: the time of today, the day of another. */
export const formatTime = (time: string | number): string => {
  const date = new Date(time)
  const now = new Date()
  if (date.toDateString() === now.toDateString()) return clock.format(date)
  return date.getFullYear() === now.getFullYear() ? day.format(date) : year.format(date)
}

export const formatFullTime = (time: string | number): string => full.format(new Date(time))

export const formatPreciseTime = (time: number): string => precise.format(new Date(time))

export const nameOf = ({ Address, Name }: { readonly Address: string; readonly Name: string }): string =>
  Name === "" ? Address : Name
