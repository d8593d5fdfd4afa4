/** What values look like: colours and texts. */
import { MappingType, SpecialValueMatch, type Threshold, type ValueMapping } from "@grafana/schema"

/** Green up to the first limit; each has the colour from there on. */
export const goodBelow = (
  ...limits: ReadonlyArray<readonly [value: number, color: string]>
): ReadonlyArray<Threshold> => [{ color: "green", value: null }, ...limits.map(([value, color]) => ({ color, value }))]

/** Red below the first limit; each has the colour from there on. */
export const badBelow = (
  ...limits: ReadonlyArray<readonly [value: number, color: string]>
): ReadonlyArray<Threshold> => [{ color: "red", value: null }, ...limits.map(([value, color]) => ({ color, value }))]

/** Text and colour of each value of a gauge that is a state. */
export const states = (known: Readonly<Record<string, readonly [text: string, color: string]>>): ValueMapping => ({
  type: MappingType.ValueToText,
  options: Object.fromEntries(
    Object.entries(known).map(([value, [text, color]], index) => [value, { text, color, index }])
  )
})

/** A share of no traffic is not a number. */
export const NO_NUMBER: ValueMapping = {
  type: MappingType.SpecialValue,
  options: { match: SpecialValueMatch.NullAndNan, result: { text: "–" } }
}
