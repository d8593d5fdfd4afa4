/** The settings as plain text, for the command line's `--help`. */
import type { Setting } from "./Setting.ts"
import { allSettings } from "./settings.ts"

/** Grouped and wrapped to `width` columns, without a line break at the end. */
export const settingsText = (width = 96): string => {
  const lines: Array<string> = []
  let group = ""
  for (const setting of allSettings) {
    if (setting.group !== group) {
      if (group !== "") lines.push("")
      group = setting.group
      lines.push(group)
    }
    lines.push(`  ${setting.name}`)
    for (const line of wrapped(description(setting), width - INDENT.length)) lines.push(INDENT + line)
  }
  return lines.join("\n")
}

const INDENT = "      "

const description = (setting: Setting<unknown>): string => {
  const unit = setting.unit === "" ? "" : ` In ${setting.unit}, or with a unit.`
  return `${setting.meaning}${unit} Range: ${setting.range}. Default: ${setting.defaultText}.`
}

const wrapped = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === "" ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines
}
